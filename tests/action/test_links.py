"""A pull request can commit links and special files: nothing of the runner leaves through them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_memguard.core.errors import ResultsError
from pytest_memguard.github.inputs import Inputs, to_json
from pytest_memguard.github.outputs import copy_captures
from pytest_memguard.github.place import Place
from pytest_memguard.github.steps import report
from pytest_memguard.storage.results import write_results
from tests.reports.made_results import result, run

SECRET = "SECRET-OF-THE-RUNNER"
MERGING = Inputs(results=("incoming",))
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout, and beside it a folder of the runner."""
    runner = tmp_path / "runner"
    runner.mkdir()
    (runner / "credentials").write_text(SECRET, encoding="utf-8")
    work = tmp_path / "work"
    (work / ".memguard").mkdir(parents=True)
    return work


def content(folder: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


def test_the_report_of_merged_results_copies_nothing(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / ".memguard" / "profiles").symlink_to(tmp_path / "runner")
    write_results(checkout / "incoming" / "results.json", run(result()))
    directory = tmp_path / "directory"
    directory.mkdir()
    variables = {"CONFIG": to_json(MERGING), "DIRECTORY": str(directory), "EXIT_CODE": "0"}
    for name, value in variables.items():
        monkeypatch.setenv(f"MG_{name}", value)
    for name, path in {
        "WORKSPACE": checkout,
        "OUTPUT": tmp_path / "o",
        "STEP_SUMMARY": tmp_path / "s",
    }.items():
        monkeypatch.setenv(f"GITHUB_{name}", str(path))
    assert report.step() == 0
    assert (directory / "artifact" / "results.json").exists()
    assert not (directory / "artifact" / "profiles").exists()
    assert SECRET not in content(directory)


def link_to_the_folder(work: Path, runner: Path) -> None:
    (work / ".memguard" / "profiles").symlink_to(runner)


def link_above_it(work: Path, runner: Path) -> None:
    (work / ".memguard").rmdir()
    (runner / "profiles").mkdir()
    (runner / "profiles" / "credentials").write_text(SECRET)
    (work / ".memguard").symlink_to(runner)


def link_to_a_folder_in_it(work: Path, runner: Path) -> None:
    (work / ".memguard" / "profiles").mkdir()
    (work / ".memguard" / "profiles" / "sub").symlink_to(runner)


def link_to_a_file_in_it(work: Path, runner: Path) -> None:
    (work / ".memguard" / "profiles").mkdir()
    (work / ".memguard" / "profiles" / "a.bin").symlink_to(runner / "credentials")


def pipe_in_it(work: Path, _runner: Path) -> None:
    (work / ".memguard" / "profiles").mkdir()
    os.mkfifo(work / ".memguard" / "profiles" / "a.bin")


@pytest.mark.parametrize(
    "put", [link_to_the_folder, link_above_it, link_to_a_folder_in_it, link_to_a_file_in_it, pipe_in_it]
)
def test_captures_are_copied_from_regular_files_alone(checkout: Path, tmp_path: Path, put: object) -> None:
    assert callable(put)
    put(checkout, tmp_path / "runner")
    copy_captures(checkout, tmp_path / "copied")
    assert SECRET not in content(tmp_path / "copied")
    assert list((tmp_path / "copied").rglob("*")) == []


def test_captures_of_the_run_are_copied_as_far_as_they_fit(checkout: Path, tmp_path: Path) -> None:
    for number in range(3):
        path = checkout / ".memguard" / "profiles" / f"{number}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 10 * (number + 1))
    assert copy_captures(checkout, tmp_path / "copied", limit_bytes=35) == 1
    assert sorted(path.name for path in (tmp_path / "copied").iterdir()) == ["0.bin", "1.bin", "left-out.txt"]


@pytest.mark.parametrize(
    "name", ["pyproject.toml", ".memguard/baseline", ".memguard/baseline/cpython-3.11/a.yml"]
)
def test_settings_and_baselines_that_lead_out_of_the_checkout_are_refused(
    checkout: Path, tmp_path: Path, name: str
) -> None:
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    target = tmp_path / "runner"
    (checkout / name).symlink_to(target if name.endswith("baseline") else target / "credentials")
    with pytest.raises(ResultsError, match="through a link") as caught:
        Place.of(MERGING, checkout)
    assert SECRET not in str(caught.value)
