"""Entries whose test is gone: found where a module was collected whole, and nowhere else."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject

TWO = """
    import pytest

    @pytest.mark.memguard
    def test_kept(): pass

    @pytest.mark.memguard
    @pytest.mark.parametrize("n", [1, 2])
    def test_gone(n): pass
"""
OTHER = TWO.replace("def test_", "def test_other_")
ONE = """
    import pytest

    @pytest.mark.memguard
    def test_kept(): pass

    @pytest.mark.slow
    @pytest.mark.memguard
    def test_slow(): pass
"""


@pytest.fixture
def shrunk(project: GuardedProject) -> GuardedProject:
    """Return a project that lost two accepted tests."""
    project.write({"pytest.ini": "[pytest]\nmarkers = slow\n"}, test_it=TWO, test_second=OTHER)
    project.accept()
    project.write(test_it=ONE)
    return project


def stale(outcomes: dict[str, str]) -> list[str]:
    return [name for name, outcome in outcomes.items() if outcome == "stale"]


def test_entries_of_tests_that_are_gone_are_stale(shrunk: GuardedProject) -> None:
    shrunk.let(CI="true")
    run = shrunk.run()
    assert run.code == 0
    assert stale(run.outcomes()) == ["test_gone[1]", "test_gone[2]"]
    assert "2 stale" in run.summary
    assert run.summary.splitlines()[-1] == "Drop what is stale:  memguard prune"
    assert run.reason("test_gone[1]") == ("its test no longer exists. Remove the entry with: memguard prune")


def test_a_file_that_lost_its_last_test_has_stale_entries(project: GuardedProject) -> None:
    project.write(test_it=TWO, test_second=TWO)
    project.accept()
    project.write(test_it="# nothing left here\n")
    run = project.run()
    assert [test["id"] for test in run.file["tests"] if test["outcome"] == "stale"] == [
        "test_it.py::test_gone[1]",
        "test_it.py::test_gone[2]",
        "test_it.py::test_kept",
    ]


@pytest.mark.parametrize(
    "selection",
    [
        ["-k", "test"],
        ["-m", "not slow"],
        ["--deselect=test_it.py::test_slow"],
        ["test_it.py::test_kept"],
        ["test_second.py"],
        ["--ignore=test_it.py"],
        ["--sw", "-p", "cacheprovider"],
    ],
    ids=lambda selection: selection[0],
)
def test_nothing_is_stale_where_the_run_selects_tests(shrunk: GuardedProject, selection: list[str]) -> None:
    assert stale(shrunk.run(*selection).outcomes()) == []


def test_nothing_is_stale_under_last_failed(shrunk: GuardedProject) -> None:
    shrunk.write(test_it=ONE + "\n    def test_bad(): assert False\n")
    shrunk.run("-p", "cacheprovider")
    assert stale(shrunk.run("-p", "cacheprovider", "--lf").outcomes()) == []


def test_nothing_is_stale_in_a_module_that_could_not_be_collected(shrunk: GuardedProject) -> None:
    shrunk.write(test_it="import pytest\nraise ValueError\n", test_third=TWO)
    run = shrunk.run("--continue-on-collection-errors")
    assert stale(run.outcomes()) == []
    assert run.counted()["errors"] == 1


def test_nothing_is_stale_in_a_module_that_skips_itself(shrunk: GuardedProject) -> None:
    shrunk.write(test_it="import pytest\npytest.skip('not here', allow_module_level=True)\n")
    assert stale(shrunk.run().outcomes()) == []


def test_a_test_that_lost_its_marker_is_not_stale(shrunk: GuardedProject) -> None:
    shrunk.write(test_it=TWO.replace("@pytest.mark.memguard\n", "\n"))
    run = shrunk.run()
    assert stale(run.outcomes()) == []
    assert "test_kept" not in run.outcomes()


def test_stale_entries_fail_where_asked_to(shrunk: GuardedProject) -> None:
    run = shrunk.run("--memguard-fail-on=stale")
    assert stale(run.outcomes()) == ["test_gone[1]", "test_gone[2]"]
    assert run.code == 1


def test_a_region_that_does_not_run_is_said_so_and_not_stale(project: GuardedProject) -> None:
    text = """
        import os, pytest

        def test_pipeline(memguard):
            with memguard.measure("load"):
                rows = bytearray(100_000)
            if os.environ.get("FULL"):
                with memguard.measure("save"):
                    rows = bytearray(200_000)
    """
    project.write(test_it=text)
    project.let(FULL=1)
    project.accept()
    assert "test_pipeline::save:" in project.entries()
    project.let(FULL="")
    run = project.run()
    assert run.outcomes() == {"test_pipeline::load": "ok", "test_pipeline::save": "not-measured"}
    assert run.reason("test_pipeline::save") == (
        "the region did not run this time; if it is gone for good: memguard prune"
    )
    project.write(test_it="def test_other(): pass\n")
    assert stale(project.run().outcomes()) == ["test_pipeline::load", "test_pipeline::save"]
