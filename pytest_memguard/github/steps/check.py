"""The first step: checks every input and finds Python, before any code of the project runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pytest_memguard.github import commands
from pytest_memguard.github.inputs import Inputs, read_inputs, to_json
from pytest_memguard.github.steps import workspace

_TITLE = "memguard input"
_INSTALL = (
    "add it to the project's test dependencies, or name a version, which is installed into an "
    "environment of its own"
)
_PROBE = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pytest_memguard') is None)"


def step() -> int:
    """Check the inputs and set them as one output; every wrong one is named, and the exit code is then 2."""
    root = workspace()
    inputs, problems = read_inputs(os.environ, root)
    directory = tempfile.mkdtemp(prefix="memguard-", dir=os.environ.get("RUNNER_TEMP") or None)
    python = _python(inputs, root) if not problems else ""
    if not problems and not python:
        problems = [f"python: there is no interpreter {inputs.python!r}; is actions/setup-python missing?"]
    if not problems and not inputs.version and not inputs.results and not _has_memguard(python, directory):
        problems = [f"version: pytest-memguard is not installed for {python}; {_INSTALL}."]
    for problem in problems:
        commands.error(problem, title=_TITLE)
    if problems:
        return 2
    commands.write_outputs({"config": to_json(inputs), "python": python, "directory": directory})
    return 0


def _python(inputs: Inputs, root: Path) -> str:
    """Find the interpreter: one on PATH by its name, or a file relative to the working directory."""
    if not inputs.python:
        return sys.executable
    found = shutil.which(inputs.python)
    if found and os.path.dirname(inputs.python) == "":  # noqa: PTH120 - whether there is a folder in the text
        return found
    path = root / inputs.working_directory / inputs.python
    # Not resolved: the `python` of a virtual environment is a link, and works as such only by that name.
    return str(path) if path.is_file() and os.access(path, os.X_OK) else ""


def _has_memguard(python: str, folder: str) -> bool:
    """Ask the interpreter itself, from an empty folder, so that no module of the checkout is imported."""
    probe = subprocess.run(
        [python, "-c", _PROBE], cwd=folder, check=False, capture_output=True, stdin=subprocess.DEVNULL
    )
    return probe.returncode == 0
