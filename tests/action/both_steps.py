"""Measures and reports in this process, as the two steps of the action do."""

from __future__ import annotations

from pathlib import Path

from pytest_memguard.github.environment_report import Reported, read_reported, reported
from pytest_memguard.github.inputs import Inputs
from pytest_memguard.github.place import Place
from pytest_memguard.github.steps.run import measure


def measured_and_reported(
    inputs: Inputs, workspace: Path, directory: Path, *, propose_into: Path | None = None
) -> Reported:
    """Run the tests of a checkout and return what the reporting step makes of their results."""
    directory.mkdir()
    measured = measure(inputs, workspace=workspace, directory=directory)
    place = Place.of(inputs, workspace)
    (results,) = read_reported(inputs, place, directory)
    return reported(inputs, place, results, measured, propose_into=propose_into)
