"""A baseline in a folder of another name: accepted, compared with, and proposed there and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_memguard.core.environment import environment_key
from pytest_memguard.github.environment_report import Reported
from pytest_memguard.github.inputs import Inputs
from tests.action.act_runner import write_files
from tests.action.both_steps import measured_and_reported
from tests.action.conftest import clean_environment
from tests.action.consumer import PYPROJECT, shop_files

FOLDER = "ci/mem"
GUARDED = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--memguard")
FILE = f"{FOLDER}/{environment_key()}/tests/test_shop.py.yml"


def written(size: int) -> dict[str, str]:
    return {**shop_files(size), "pyproject.toml": f'{PYPROJECT}\n[tool.memguard]\nbaseline = "{FOLDER}"\n'}


def run(*arguments: str, folder: Path) -> int:
    """Run Python in the project and return its exit code."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=clean_environment(), check=False, capture_output=True)
    return done.returncode


def acted(workspace: Path, directory: Path) -> Reported:
    """Measure and report as the steps of the action do."""
    inputs = Inputs(args=("-p", "no:cacheprovider"))
    return measured_and_reported(inputs, workspace, directory, propose_into=directory / "proposed")


def test_a_baseline_in_another_folder_is_the_one_that_all_work_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CI", "true")
    work = tmp_path / "work"
    write_files(work, written(2000))
    assert run(*GUARDED, "--memguard-accept", folder=work) == 0
    accepted = (work / FILE).read_text(encoding="utf-8")
    assert acted(work, tmp_path / "same").decision.status == "passed"

    write_files(work, written(6000))
    grown = acted(work, tmp_path / "grown")
    assert (grown.decision.status, grown.decision.exit_code) == ("regressed", 1)
    assert f"+++ b/{FILE}" in grown.patch
    assert (tmp_path / "grown/proposed" / FILE.removeprefix(f"{FOLDER}/")).is_file()

    assert run(*GUARDED, folder=work) == 1
    assert run("-c", "from pytest_memguard.cli import main; main()", "accept", folder=work) == 0
    assert (work / FILE).read_text(encoding="utf-8") != accepted
    assert run(*GUARDED, folder=work) == 0
    assert not (work / ".memguard/baseline").exists()
