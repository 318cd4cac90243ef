"""The workflows as files: those that users copy, and this project's own, executed by act."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.action.act_runner import ROOT, ActRun, example, git, make_repository, run_act, without_installing
from tests.action.consumer import TESTS, shop_files
from tests.action.test_gate_scenarios import LEAK_TESTS

PARTS = ("api", "core", "io", "web")


Start = Callable[[dict[str, str], str], ActRun]


@pytest.fixture
def start(action: Path, tmp_path: Path) -> Start:
    """Run the workflows of a repository for an event."""

    def run(files: dict[str, str], event: str) -> ActRun:
        repository = make_repository(tmp_path / "repo", files)
        return run_act(tmp_path / "run", repository, action=action, event=event)

    return run


def in_parts(files: dict[str, str]) -> dict[str, str]:
    """Give each machine of the sharded workflow a test."""
    parts = {f"tests/{part}/test_{part}.py": TESTS.replace("_build", f"_{part}") for part in PARTS}
    return {**{name: text for name, text in files.items() if not name.startswith("tests/")}, **parts}


@pytest.mark.parametrize(
    ("name", "size", "results"),
    [
        ("minimal", 2000, ["success"]),
        ("minimal", 6000, ["failure"]),
        ("matrix", 6000, ["failure"] * 4),
    ],
)
def test_a_workflow_that_users_copy_gates(
    name: str, size: int, results: list[str], start: Start, accepted: dict[str, str]
) -> None:
    run = start({**shop_files(size), **accepted, **example(name)}, "pull_request")
    assert run.job_results() == results, str(run)


def test_the_sharded_workflow_gates_in_its_last_job(start: Start) -> None:
    run = start(in_parts(shop_files(tests="")) | example("sharded"), "pull_request")
    assert run.job_results() == ["success"] * 4 + ["failure"], str(run)
    assert run.job_outputs("gate")["status"] == "no-baseline"
    assert run.job_outputs("gate")["new"] == "4"


def test_a_part_that_was_not_measured_fails_the_sharded_workflow(start: Start) -> None:
    files = in_parts(shop_files(tests="")) | example("sharded")
    files["tests/io/test_io.py"] = "import nothing_of_that_name\n"
    run = start(files, "pull_request")
    assert run.job_results()[-1] == "failure"
    assert "Failure - Main A part that was not measured" in str(run)
    assert run.job_outputs("gate")["new"] == "3", str(run)


@pytest.mark.parametrize(
    ("tests", "result"),
    [
        (TESTS, "success"),
        (LEAK_TESTS.replace("(leaks=True)", ""), "failure"),
    ],
    ids=["grew", "leaked"],
)
def test_the_nightly_soak_fails_on_leaks_alone(
    tests: str, result: str, start: Start, accepted: dict[str, str]
) -> None:
    files = {**shop_files(size=6000, tests=tests), **accepted, **example("nightly-leak-soak")}
    run = start(files, "workflow_dispatch")
    assert run.job_results() == [result], str(run)


def test_this_project_gates_itself_with_its_own_action(tmp_path: Path) -> None:
    """The job `gate` of our workflow, on a copy of this checkout."""
    parts = ("action.yml", ".github", "examples/first-baseline", "pytest_memguard")
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *parts)
    for name in filter(None, listed.split("\0")):
        (tmp_path / "repo" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "repo" / name)
    workflow = tmp_path / "repo/.github/workflows/ci.yml"
    workflow.write_text(without_installing(workflow.read_text(encoding="utf-8")), encoding="utf-8")
    repository = make_repository(tmp_path / "repo", {})
    run = run_act(tmp_path / "run", repository, action=repository, job="gate")
    assert run.job_results() == ["success"], str(run)
    assert "Memory did not grow" in run.summary
