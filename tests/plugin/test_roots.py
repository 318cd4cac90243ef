"""Where settings, results and ids belong, in projects whose root is not where one would look."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_memguard.cli import main
from tests.guarded_project import GuardedProject

XDIST = ("xdist.plugin",)
TEST = """
    import pytest

    @pytest.mark.memguard
    def test_a(): bytearray(1_000_000)
"""
LIMITED = "[tool.memguard]\nmax_peak = '10 KiB'\n"


def memguard(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def results_below(project: GuardedProject) -> dict[str, Any]:
    """Return the results of a run, wherever its root was."""
    (path,) = project.root.rglob(".memguard/results/last.json")
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


@pytest.mark.parametrize(
    ("files", "place", "unread"),
    [
        (
            {"pytest.ini": "[pytest]", "b/pyproject.toml": LIMITED, "b/test_it.py": TEST},
            "b",
            "b/pyproject.toml",
        ),
        (
            {"pyproject.toml": LIMITED, "b/pytest.ini": "[pytest]", "b/test_it.py": TEST},
            "b",
            "../pyproject.toml",
        ),
        (
            {
                "pyproject.toml": "[tool.pytest.ini_options]",
                "memguard.yml": "max_peak: 1 KiB",
                "test_it.py": TEST,
            },
            ".",
            "memguard.yml",
        ),
    ],
    ids=["below the root", "above the root", "beside the root"],
)
def test_settings_that_are_not_read_are_said(
    project: GuardedProject, files: dict[str, str], place: str, unread: str
) -> None:
    project.write(files)
    workers = ("-n1",) if place == "b" and "b/pyproject.toml" in files else ()
    run = project.run(place, *workers, plugins=XDIST)
    assert run.code == 0
    (said,) = [
        each["sentence"] for each in results_below(project)["problems"] if each["kind"] == "settings-not-read"
    ]
    assert said.startswith(f"{unread}: settings that this run does not read.")
    assert "settings that this run does not read" in " ".join(run.summary.split())
    assert "memguard: settings:" not in run.text


def test_the_header_names_the_settings_that_are_read(project: GuardedProject) -> None:
    project.write({"pyproject.toml": LIMITED, "b/c/pyproject.toml": "[tool.ruff]\n"})
    project.write({"b/c/test_it.py": TEST, "memguard.yml.txt": ""})
    run = project.run()
    assert "memguard: settings: pyproject.toml" in run.lines
    assert run.problems() == {"no-baseline": False}


def test_accepting_finds_the_results_of_a_root_above(
    project: GuardedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write({"pytest.ini": "[pytest]\n", "b/pyproject.toml": "", "b/test_it.py": TEST})
    monkeypatch.chdir(project.root / "b")
    project.run()
    assert memguard("accept") == 0
    project.let(CI=1)
    assert project.run().code == 0


def test_accepting_finds_the_results_of_a_root_below(project: GuardedProject) -> None:
    project.write({"pyproject.toml": LIMITED, "b/pytest.ini": "[pytest]\n", "b/test_it.py": TEST})
    project.run("b")
    assert memguard("accept") == 0
    project.let(CI=1)
    assert project.run("b").code == 0


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["here", "in a worker"])
def test_two_tests_of_one_id_are_a_usage_error(project: GuardedProject, workers: tuple[str, ...]) -> None:
    for package in ("pa", "pb"):
        project.write({f"{package}/__init__.py": "", f"{package}/tests/__init__.py": ""})
        project.write({f"{package}/tests/test_x.py": TEST})
    project.write({"root/pytest.ini": "[pytest]\n"})
    arguments = ("--rootdir=root", "--pyargs", "pa", "pb", *workers)
    run = project.spawn(*arguments, plugins=XDIST)
    said = " ".join((run.text + run.errors).replace("\n  ", "").split())
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "two tests have the id 'tests/test_x.py::test_a'" in said
    assert "pa/tests/test_x.py" in said
    assert "pb/tests/test_x.py" in said


def test_a_run_whose_root_no_command_would_find_says_so(project: GuardedProject) -> None:
    """One project of several in a repository, started from the top, where other results are."""
    project.write({"pyproject.toml": "", "a/pyproject.toml": "", "a/test_it.py": TEST})
    project.accept()
    run = project.run("a", "--rootdir=a")
    assert "other-root" in [problem["kind"] for problem in results_of(project, "a")["problems"]]
    assert "memguard --root a accept" in run.text
    assert memguard("--root", "a", "accept") == 0
    assert "other-root" not in project.run("a").problems()


def results_of(project: GuardedProject, folder: str) -> dict[str, Any]:
    path = project.root / folder / ".memguard/results/last.json"
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data
