"""Finds the place of a run: the workspace, the project in it, its settings and its baseline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.settings import Settings
from pytest_memguard.github.inputs import InputError, Inputs
from pytest_memguard.github.workspace import path_inside, refuse_links_out
from pytest_memguard.storage.names import environments_in


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run took place: the workspace, the project in it, its settings and its baseline."""

    workspace: Path
    project: Path
    settings: Settings
    baseline: Path

    @classmethod
    def of(cls, inputs: Inputs, workspace: Path) -> Place:
        """Find the project that the inputs mean."""
        folder = path_inside(workspace, inputs.working_directory)
        project, settings = _project(inputs, folder, workspace.resolve())
        accepted = folder / inputs.baseline if inputs.baseline else project / settings.baseline_dir
        if inputs.results:
            refuse_links_out(workspace, [accepted, *accepted.rglob("*")])
        return cls(workspace.resolve(), project, settings, accepted)

    def environments(self) -> tuple[str, ...]:
        """Return the environments that have a baseline."""
        return environments_in(self.baseline)

    def locate(self, file: str) -> str | None:
        """Return a project file's path in the repository, if it is there and inside."""
        try:
            path = path_inside(self.workspace, str(self.project / file))
        except MemguardError:
            return None
        return path.relative_to(self.workspace).as_posix() if path.is_file() else None


def _project(inputs: Inputs, folder: Path, workspace: Path) -> tuple[Path, Settings]:
    """Find the project's root and settings; a job that only reports does not need PyYAML."""
    try:
        from pytest_memguard.storage.settings_file import (  # noqa: PLC0415 - as said above
            MEMGUARD_YML,
            PYPROJECT,
            find_root,
            load_settings,
        )
    except ModuleNotFoundError as error:
        if inputs.mode == "check":
            raise InputError(
                f"{error.name} is not installed for this Python, so the project's settings cannot be read; "
                "install pytest-memguard before this step, or use mode: advisory."
            ) from error
        return folder, Settings()
    project = find_root(folder)
    if workspace not in (project, *project.parents):
        project = folder
    if inputs.results:
        refuse_links_out(workspace, [project / PYPROJECT, project / MEMGUARD_YML])
    return project, load_settings(project)
