"""The measuring step: leaves results and pytest's exit code, and never fails itself."""

from __future__ import annotations

from pathlib import Path

from pytest_memguard.github import commands
from pytest_memguard.github.inputs import from_json
from pytest_memguard.github.measure import measure
from pytest_memguard.github.steps import variable, workspace


def step() -> int:
    """Measure unless results of other jobs are given; the exit code is an output."""
    inputs = from_json(variable("CONFIG"))
    if inputs.results:
        commands.write_outputs({"exit-code": "0", "tests-failed": "0"})
        return 0
    measured = measure(inputs, workspace=workspace(), directory=Path(variable("DIRECTORY")))
    commands.write_outputs(
        {
            "exit-code": str(measured.exit_code),
            "tests-failed": "" if measured.tests_failed is None else str(measured.tests_failed),
            "base-commit": measured.base_commit,
        }
    )
    return 0
