"""The steps of `action.yml`: each reads its `MG_*` variables, does one thing, and sets outputs."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.github import commands

STEPS = ("check", "install", "run", "report", "comment", "accept")
"""The argument of `launch.py` for each step, and the module of the step, which alone is imported."""


def main(arguments: Sequence[str]) -> int:
    """Run one step and return its exit code; an error of memguard becomes an error annotation."""
    if len(arguments) != 1 or arguments[0] not in STEPS:
        commands.error(f"There is no step {' '.join(arguments)!r}; steps are {', '.join(STEPS)}.")
        return 2
    step = importlib.import_module(f"pytest_memguard.github.steps.{arguments[0]}").step
    try:
        return int(step())
    except MemguardError as error:
        commands.error(str(error))
        return error.exit_code


def workspace() -> Path:
    """Return the workspace of the job."""
    return Path(os.environ.get("GITHUB_WORKSPACE") or os.curdir).resolve()


def variable(name: str) -> str:
    """Return one of the step's own variables; empty if it is not set."""
    return os.environ.get(f"MG_{name}", "")
