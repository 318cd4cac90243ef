"""Where a run took place: the workspace, the project in it, its settings and its baseline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_memguard.errors import MemguardError
from pytest_memguard.github.inputs import Inputs
from pytest_memguard.github.workspace import inside
from pytest_memguard.settings import Settings
from pytest_memguard.storage.config_file import find_root, load_settings


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run took place: the workspace, the project in it, its settings and its baseline."""

    workspace: Path
    project: Path
    settings: Settings
    baseline: Path

    @classmethod
    def of(cls, inputs: Inputs, workspace: Path, *, base: Path | None = None) -> Place:
        """Find the project that the inputs mean; `base` is a baseline measured in this job."""
        folder = inside(workspace, inputs.working_directory)
        project = find_root(folder)
        if workspace.resolve() not in (project, *project.parents):
            project = folder
        settings = load_settings(project)
        accepted = folder / inputs.baseline if inputs.baseline else project / settings.baseline_dir
        return cls(workspace.resolve(), project, settings, base or accepted)

    def locate(self, file: str) -> str | None:
        """Return a project file's path in the repository, if it is there and inside."""
        try:
            path = inside(self.workspace, str(self.project / file))
        except MemguardError:
            return None
        return path.relative_to(self.workspace).as_posix() if path.is_file() else None
