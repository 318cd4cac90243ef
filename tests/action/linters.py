"""The linters of actions and workflows, run over a checkout; each answers what it complains of."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.action.programs import found

ACTIONS = ("action.yml", "accept/action.yml")


def workflow_files(root: Path) -> list[Path]:
    """Return the workflows of the project and those that users copy."""
    return sorted([*root.glob(".github/workflows/*.yml"), *root.glob("examples/workflows/*.yml")])


def action_files(root: Path) -> list[Path]:
    """Return the action and the further one for accepting."""
    return [root / name for name in ACTIONS]


def steps(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the steps of an action or of every job of a workflow."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    for job in document.get("jobs", {"": document.get("runs", {})}).values():
        yield from job.get("steps", ())


def _complaints(root: Path, command: Sequence[object]) -> str:
    # Without the annotations and colours that the linters add where they think that they are on GitHub.
    environ = {"PATH": os.environ["PATH"], "HOME": str(root), "NO_COLOR": "1"}
    run = subprocess.run(
        [str(word) for word in command],
        cwd=root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return f"{run.stdout}{run.stderr}" if run.returncode else ""


def check_jsonschema(root: Path) -> str:
    """Check the files against GitHub's schemas."""
    schemas = {
        "vendor.github-actions": action_files(root),
        "vendor.github-workflows": workflow_files(root),
        "vendor.dependabot": [root / ".github/dependabot.yml"],
    }
    program = found("check-jsonschema")
    return "".join(
        _complaints(root, [program, "--builtin-schema", schema, *files]) for schema, files in schemas.items()
    )


def jactionlint(root: Path) -> str:
    """Check expressions, inputs, outputs and the shell of actions and workflows.

    It looks for the workflow that another one names, so the examples are laid out as a user has them.
    """
    command = [found("jactionlint"), "--profile", "correctness"]
    own = _complaints(root, [*command, *action_files(root), *root.glob(".github/workflows/*.yml")])
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(shutil.copytree(root / "examples/workflows", Path(folder, ".github/workflows")))
        return own + _complaints(Path(folder), [*command, *sorted(copied.glob("*.yml"))])


def zizmor(root: Path) -> str:
    """Check for what an attacker could use."""
    files = [*action_files(root), *workflow_files(root), root / ".github/dependabot.yml"]
    config = ["--config", root / ".github/zizmor.yml"]
    return _complaints(root, [found("zizmor"), "--offline", "--no-progress", "--quiet", *config, *files])


def shellcheck(root: Path) -> str:
    """Check the shell scripts, and every `run` of actions and workflows as the script that it is."""
    program = found("shellcheck")
    with tempfile.TemporaryDirectory() as folder:
        scripts = [root / "run", root / ".ci/run"]
        for number, script in enumerate(_run_scripts(root)):
            path = Path(folder, f"{number}.sh")
            path.write_text(f"#!/usr/bin/env bash\nset -eo pipefail\n{script}", encoding="utf-8")
            scripts.append(path)
        return _complaints(root, [program, "--severity=style", *scripts])


def _run_scripts(root: Path) -> Iterator[str]:
    for file in (*action_files(root), *workflow_files(root)):
        yield from (step["run"] for step in steps(file) if "run" in step)


LINTERS: dict[str, Callable[[Path], str]] = {
    "check-jsonschema": check_jsonschema,
    "jactionlint": jactionlint,
    "zizmor": zizmor,
    "shellcheck": shellcheck,
}
