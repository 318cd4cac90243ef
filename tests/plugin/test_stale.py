"""Entries that nobody answers for any more: found where a run could have judged them, and nowhere else."""

from __future__ import annotations

from textwrap import dedent

import pytest

from pytest_memguard.cli import main
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
    assert shrunk.run().code == 0
    shrunk.let(CI="true")
    run = shrunk.run()
    assert run.code == 1
    assert shrunk.run("--memguard-fail-on=grew").code == 0
    assert stale(run.outcomes()) == ["test_gone[1]", "test_gone[2]"]
    assert "2 stale" in run.summary
    assert run.summary.splitlines()[-1] == "Drop what is stale:  memguard prune"
    assert run.reason("test_gone[1]") == "its test no longer exists"


def test_a_case_whose_id_changes_with_each_run_is_told_why_it_is_stale(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import os, pytest

            @pytest.mark.memguard
            @pytest.mark.parametrize("at", [f"{os.environ['TIME']}:{second}" for second in range(2)])
            def test_at(at): pass
        """
    )
    project.let(TIME="12:30")
    project.accept()
    project.let(TIME="12:31")
    reasons = [test["reason"] for test in project.run().file["tests"] if test["outcome"] == "stale"]
    assert reasons == 2 * [
        "its test no longer exists, but has new cases (give cases ids that no run changes, as a time would)"
    ]


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


def test_nothing_is_stale_where_the_run_selects_tests(shrunk: GuardedProject) -> None:
    for selection in (
        ["-k", "test"],
        ["-m", "not slow"],
        ["--deselect=test_it.py::test_slow"],
        ["test_it.py::test_kept"],
        ["test_second.py"],
        ["--ignore=test_it.py"],
        ["--sw", "-p", "cacheprovider"],
    ):
        assert stale(shrunk.run(*selection).outcomes()) == [], selection


def test_nothing_is_stale_under_last_failed(shrunk: GuardedProject) -> None:
    shrunk.write(test_it=ONE + "\n    def test_bad(): assert False\n")
    shrunk.run("-p", "cacheprovider")
    assert stale(shrunk.run("-p", "cacheprovider", "--lf").outcomes()) == []


def test_nothing_is_stale_in_a_module_that_could_not_be_collected(shrunk: GuardedProject) -> None:
    shrunk.write(test_it="import pytest\nraise ValueError\n", test_third=TWO)
    run = shrunk.run("--continue-on-collection-errors")
    assert stale(run.outcomes()) == []
    assert run.counted()["errors"] == 1
    shrunk.let(CI=1)
    assert "passed-over" not in shrunk.run("--continue-on-collection-errors").problems()


def test_nothing_is_stale_in_a_module_that_skips_itself(shrunk: GuardedProject) -> None:
    shrunk.write(test_it="import pytest\npytest.skip('not here', allow_module_level=True)\n")
    assert stale(shrunk.run().outcomes()) == []


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
    assert run.outcomes() == {"test_pipeline::load": "ok", "test_pipeline::save": "unguarded"}
    assert run.reason("test_pipeline::save") == (
        "its region did not run. If it is gone for good, remove its entry: memguard prune"
    )
    assert run.code == 0
    project.let(CI=1)
    failing = project.run()
    assert failing.counted() == {"failed": 1}
    assert "memguard: save unguarded: its region did not run." in failing.text
    project.write(test_it="def test_other(): pass\n")
    assert stale(project.run().outcomes()) == ["test_pipeline::load", "test_pipeline::save"]


GUARDED = """
    import pytest
    KEPT = []

    @pytest.mark.memguard
    def test_plain(): bytearray(1000)

    @pytest.mark.memguard(leaks=True, leak_budget=0.1)
    def test_checked(): bytearray(1000)

    def test_region(memguard):
        with memguard.measure("load"): bytearray(100_000)
"""
UNGUARDED = """
    KEPT = []

    def test_plain(): KEPT.append(bytearray(10_000_000))

    def test_checked(): KEPT.append(bytearray(1000))

    def test_region(): KEPT.append(bytearray(100_000_000))
"""


@pytest.fixture
def guarded(project: GuardedProject) -> GuardedProject:
    """Return a project with an accepted test of each kind, in CI."""
    project.write({"tests/test_it.py": GUARDED, "tests/test_other.py": TWO})
    project.accept()
    project.let(CI=1)
    return project


SELECTING_ALL: tuple[tuple[str, ...], ...] = ((), ("tests",), ("-n1",))


def test_tests_that_lost_their_guard_are_unguarded(guarded: GuardedProject) -> None:
    assert guarded.run().code == 0
    guarded.write({"tests/test_it.py": UNGUARDED})
    for arguments in SELECTING_ALL:
        run = guarded.run(*arguments, plugins=("xdist.plugin",))
        lost = {name for name, outcome in run.outcomes().items() if outcome == "unguarded"}
        assert lost == {"test_plain", "test_checked", "test_region::load"}
        assert all(test["line"] for test in run.file["tests"])
        assert (run.code, run.counted()) == (1, {"passed": 6})
        assert "3 unguarded" in run.summary
        assert run.summary.splitlines()[-1] == "Drop what is unguarded:  memguard prune"
    with pytest.raises(SystemExit) as pruned:
        main(["prune"])
    assert pruned.value.code == 0
    assert guarded.run().code == 0


def test_a_test_that_lost_its_leak_check_is_unguarded(guarded: GuardedProject) -> None:
    guarded.write({"tests/test_it.py": GUARDED.replace("(leaks=True, leak_budget=0.1)", "")})
    run = guarded.run()
    assert run.outcomes()["test_checked"] == "unguarded"
    assert run.counted() == {"failed": 1, "passed": 5}
    assert "memguard: unguarded: it is no longer leak-checked." in run.text
    guarded.let(CI="")
    assert guarded.accept().code == 0
    guarded.let(CI=1)
    assert guarded.run().outcomes()["test_checked"] == "ok"


def test_entries_of_a_file_that_moved_are_stale(guarded: GuardedProject) -> None:
    moved = guarded.root / "tests/test_moved.py"
    (guarded.root / "tests/test_it.py").rename(moved)
    moved.write_text(moved.read_text().replace("(leaks=True, leak_budget=0.1)", ""))
    for arguments in SELECTING_ALL:
        run = guarded.run(*arguments, plugins=("xdist.plugin",))
        assert run.code == 1
        gone = {test["id"] for test in run.file["tests"] if test["outcome"] == "stale"}
        assert gone == {
            "tests/test_it.py::test_plain",
            "tests/test_it.py::test_checked",
            "tests/test_it.py::test_region::load",
        }


def test_a_run_of_some_tests_asks_for_no_others(guarded: GuardedProject) -> None:
    guarded.write({"tests/test_it.py": UNGUARDED})
    for arguments in (["-k", "kept"], ["tests/test_other.py"], ["tests/test_other.py::test_kept"]):
        run = guarded.run(*arguments)
        assert run.code == 0
        assert set(run.outcomes().values()) == {"ok"}


def test_options_of_the_project_itself_hide_no_lost_guard(guarded: GuardedProject) -> None:
    options = "addopts = -m 'not slow' --ignore=elsewhere\nmarkers = slow\n"
    guarded.write({"pytest.ini": f"[pytest]\n{options}"})
    slow = TWO.replace("def test_kept", "@pytest.mark.slow\n    def test_kept")
    guarded.write(
        {"tests/test_other.py": slow.replace("test_gone", "test_new"), "tests/test_it.py": UNGUARDED}
    )
    outcomes = guarded.run().outcomes()
    assert {name for name, outcome in outcomes.items() if outcome == "unguarded"} == {
        "test_plain",
        "test_checked",
        "test_region::load",
    }
    assert stale(outcomes) == ["test_gone[1]", "test_gone[2]"]


SHARD = """
    import os
    def pytest_collection_modifyitems(items):
        items[:] = [item for item in items if ("kept" in item.name) == (os.environ["SHARD"] == "1")]
"""


def test_a_shard_of_a_plugin_finds_what_no_shard_guards_any_more(project: GuardedProject) -> None:
    tests = """
        import pytest
        pytestmark = pytest.mark.memguard
        def test_kept(): pass
        def test_other(): pass
        def test_gone(): pass
    """
    project.write(test_it=tests)
    project.accept()
    project.write({"conftest.py": SHARD}, test_it=tests.replace("test_gone", "test_new"))
    project.let(SHARD=1)
    assert project.run().outcomes() == {"test_gone": "stale", "test_kept": "ok"}


def test_what_options_and_skipped_modules_leave_out_is_kept_for_those_who_merge(
    project: GuardedProject,
) -> None:
    project.write({"pytest.ini": "[pytest]\nmarkers = slow\n"}, test_it=ONE, test_second=TWO)
    project.accept()
    skipping = f"import pytest\npytest.skip('not here', allow_module_level=True)\n{dedent(TWO)}"
    project.write(test_second=skipping)
    project.let(CI=1)
    left_out = project.run("-k", "kept").file["left_out"]
    assert {test_id.partition("::")[0] for test_id in left_out} == {"test_it.py", "test_second.py"}
    assert not any("test_kept" in test_id for test_id in left_out if test_id.startswith("test_it"))


@pytest.mark.parametrize(
    "files",
    [
        {"conftest.py": "collect_ignore = ['test_second.py']\n"},
        {"pytest.ini": "[pytest]\naddopts = --deselect test_second.py\n"},
        {"test_second.py": "import pytest\npytest.skip('not here', allow_module_level=True)\n"},
    ],
    ids=["not_collected", "deselected", "skipped"],
)
def test_ci_says_which_entries_the_project_itself_keeps_from_being_judged(
    project: GuardedProject, files: dict[str, str]
) -> None:
    project.write({"pytest.ini": "[pytest]\nmarkers = slow\n"}, test_it=ONE, test_second=TWO)
    project.accept()
    project.write(files)
    project.let(CI=1)
    run = project.run("-W", "ignore::pytest.PytestUnknownMarkWarning")
    skips = "test_second.py" in files
    assert run.problems() == {"passed-over": not skips}
    assert run.code == (0 if skips else 1)
    assert "entries of test_second.py were not judged" in run.text
    for chosen in (["-k", "kept"], ["--ignore=test_second.py"]):
        assert project.run("-W", "ignore::pytest.PytestUnknownMarkWarning", *chosen).code == 0


def test_entries_of_tests_that_moved_to_the_folder_of_this_run_are_stale(project: GuardedProject) -> None:
    project.write({"tests/test_it.py": TWO, "tests/test_second.py": OTHER})
    project.accept("tests")
    (project.root / "tests/test_second.py").unlink()
    project.write({"suite/test_new.py": TWO})
    assert stale(project.run("suite").outcomes()) == []
    (project.root / "tests/test_it.py").rename(project.root / "suite/test_it.py")
    project.let(CI=1)
    run = project.run("suite")
    assert run.code == 1
    found = [test["id"] for test in run.file["tests"] if test["outcome"] == "stale"]
    assert found == [f"tests/test_it.py::test_{name}" for name in ("gone[1]", "gone[2]", "kept")]
