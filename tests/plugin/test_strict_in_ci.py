"""What fails in CI alone: tests that ask for a check, accepting unasked, and a gate that is switched off."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject

XDIST = ("xdist.plugin",)
LEAKS = """
    import os, pytest
    KEPT = []

    @pytest.mark.memguard(leaks=True, leak_budget=0.1, tolerance="1 MiB")
    def test_export(tmp_path_factory):
        if os.environ.get("ONCE"): (tmp_path_factory.getbasetemp() / "out").mkdir()

    @pytest.mark.memguard
    def test_plain(): bytearray(1000)
"""


def test_a_check_that_was_asked_for_and_not_made_fails_in_ci(project: GuardedProject) -> None:
    project.write(test_it=LEAKS)
    project.accept()
    project.let(ONCE=1)
    here = project.run()
    assert here.code == 0
    assert here.outcomes() == {"test_export": "not-measured", "test_plain": "ok"}
    project.let(CI=1)
    for workers in ((), ("-n1",)):
        run = project.run(*workers, plugins=XDIST)
        assert run.counted() == {"failed": 1, "passed": 1}
        assert run.outcomes() == here.outcomes()
        assert "memguard: not-measured: its body cannot be repeated" in run.text
        assert "memguard accept" not in run.text
    assert project.run("--memguard-fail-on=grew").code == 0
    assert project.run("--memguard-advisory").code == 0


def test_only_who_asks_for_a_check_or_a_limit_must_be_measured(project: GuardedProject) -> None:
    project.write(
        {"pyproject.toml": "[tool.memguard]\nmax_retained = '1 GiB'\n"},
        test_it="""
            import pytest

            @pytest.mark.memguard(max_peak="1 GiB")
            def test_limit(): pass

            @pytest.mark.memguard(max_retained=0)
            def test_limit_of_nothing(): pass

            @pytest.mark.memguard(threads=2)
            def test_threads(): pass

            @pytest.mark.memguard(tolerance="5%")
            def test_tolerance(): pass

            @pytest.mark.memguard(leaks=False)
            def test_no_leaks(): pass

            @pytest.mark.memguard
            def test_plain(): pass
        """,
    )
    project.accept()
    project.let(CI=1)
    project.write(
        {
            "conftest.py": """
                import memray

                def pytest_collection_finish():
                    memray.Tracker(destination=memray.FileDestination("x", overwrite=True)).__enter__()
            """
        }
    )
    run = project.spawn()
    assert set(run.outcomes().values()) == {"not-measured"}
    failing = {name for name, test in run.results().items() if test.get("fails")}
    assert failing == {"test_limit", "test_limit_of_nothing", "test_threads"}


def test_tests_that_end_otherwise_need_no_measurement(project: GuardedProject) -> None:
    project.write(test_it=LEAKS)
    project.accept()
    project.let(CI=1)
    body = 'if os.environ.get("ONCE"): (tmp_path_factory.getbasetemp() / "out").mkdir()'
    for ending in ("pytest.skip('not here')", "assert False", "pytest.xfail('known')"):
        project.write(test_it=LEAKS.replace(body, ending))
        result = project.run("-k", "export").results()["test_export"]
        assert (result["outcome"], result.get("fails", False)) == ("not-measured", False)


GROWN = "import os, pytest\n@pytest.mark.memguard\ndef test_a(): bytearray(int(os.environ['SIZE']))\n"


def test_accepting_counts_in_ci_only_on_the_command_line(project: GuardedProject) -> None:
    project.write({"pytest.ini": "[pytest]\naddopts = --memguard-accept\n"}, test_it=GROWN)
    project.let(SIZE=100_000)
    assert project.run().code == 0
    project.let(SIZE=300_000)
    assert project.run().code == 0
    project.let(CI=1)
    assert project.run().problems() == {"accepted-in-ci": False}
    project.let(SIZE=500_000)
    run = project.run()
    assert (run.code, run.outcomes()) == (1, {"test_a": "grew"})
    assert run.problems() == {"accepted-in-ci": True}
    assert "comes from addopts or PYTEST_ADDOPTS, and this is CI" in " ".join(run.summary.split())
    project.let(SIZE=700_000)
    assert project.accept("-n1", plugins=XDIST).code == 0
    project.let(SIZE=900_000)
    assert project.run("-n1", plugins=XDIST).counted() == {"failed": 1}


def test_what_the_command_line_says_beats_the_checkout(project: GuardedProject) -> None:
    project.write(test_it=GROWN)
    project.let(SIZE=100_000)
    project.accept()
    project.let(SIZE=300_000)
    for settings, options in (
        ("advisory = true", ""),
        ("fail_on = []", ""),
        ("", "--memguard-advisory"),
        ("", "--memguard-fail-on="),
    ):
        project.write(
            {
                "pyproject.toml": f"[tool.memguard]\n{settings}\n",
                "pytest.ini": f"[pytest]\naddopts = {options}\n",
            }
        )
        assert project.run().code == 0
        assert project.run("--memguard-fail-on=grew").code == 1


def test_a_gate_that_is_switched_off_is_a_usage_error(project: GuardedProject) -> None:
    project.write({"pytest.ini": "[pytest]\naddopts = -p no:memguard-run\n"}, test_it=GROWN)
    run = project.run()
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "-p no:memguard-run switches off what --memguard asks for" in run.text + run.errors


PLAIN = "def test_unmarked(): pass\ndef test_other(): pass\n"
SHARDING = """
    def pytest_collection_modifyitems(items):
        items[:] = [item for item in items if item.name == "test_unmarked"]
"""


def test_a_selection_without_a_guarded_test_is_no_failure(project: GuardedProject) -> None:
    project.let(SIZE=1000)
    project.write(test_it=GROWN, test_plain=PLAIN)
    project.accept()
    project.let(CI=1)
    for arguments in (["-k", "unmarked"], ["test_plain.py", "-n1"], ["."]):
        project.write({"conftest.py": SHARDING if arguments == ["."] else ""})
        run = project.run(*arguments, plugins=XDIST)
        assert run.problems() == {"no-tests": False}
        assert run.code == 0
        assert "no guarded test is among those that this run selected" in " ".join(run.summary.split())


@pytest.mark.parametrize("arguments", [[], ["-k", "unmarked"], ["."]], ids=str)
def test_a_collection_without_a_guarded_test_fails_in_ci(
    project: GuardedProject, arguments: list[str]
) -> None:
    project.write(test_plain=PLAIN)
    project.let(CI=1)
    run = project.run(*arguments)
    assert (run.code, run.problems()) == (1, {"no-tests": True})


def test_a_test_that_nobody_accepted_fails_in_ci_by_what_needs_no_entry(project: GuardedProject) -> None:
    project.write(test_it="import pytest\n@pytest.mark.memguard\ndef test_accepted(): pass\n")
    project.accept()
    project.let(CI=1)
    project.write(
        test_it="""
            import pytest
            KEPT = []

            @pytest.mark.memguard
            def test_accepted(): pass

            @pytest.mark.memguard(leaks=True, leak_budget="50 ms")
            def test_clean(): bytearray(5_000_000)

            @pytest.mark.memguard(leaks=True, leak_budget="50 ms")
            def test_leak(): KEPT.append(bytearray(1000))

            @pytest.mark.memguard(max_peak="1 MiB")
            def test_limit(): bytearray(5_000_000)

            @pytest.mark.memguard(max_peak="9 MiB")
            def test_within(): bytearray(5_000_000)

            @pytest.mark.memguard(threads=2)
            def test_threads(): bytearray(5_000_000)
        """
    )
    run = project.run()
    assert run.outcomes() == {
        "test_accepted": "ok",
        "test_clean": "new",
        "test_leak": "leaked",
        "test_limit": "over-limit",
        "test_threads": "new",
        "test_within": "new",
    }
    assert {name for name, test in run.results().items() if test.get("fails")} == {"test_leak", "test_limit"}
    run = project.run("--memguard-fail-on=new", "-k", "clean or threads or within")
    assert run.counted() == {"failed": 3, "deselected": 3}


@pytest.mark.parametrize("in_ci", [True, False])
def test_options_of_the_project_cannot_keep_every_test_from_running_in_ci(
    project: GuardedProject, in_ci: bool
) -> None:
    """A command line may: it shows what a run would do."""
    project.write(
        {"pytest.ini": "[pytest]\naddopts = --collect-only\n"},
        test_it="import pytest\n@pytest.mark.memguard\ndef test_it(): pass\n",
    )
    project.let(CI=int(in_ci))
    assert project.run().code == in_ci
    assert project.run("--collect-only").code == 0


def test_much_growth_that_a_tolerance_allows_is_said(project: GuardedProject) -> None:
    test = """
        import pytest
        @pytest.mark.memguard(tolerance="1 GiB")
        def test_it(): bytearray({size})
    """
    project.write(test_it=test.format(size=400_000))
    project.accept()
    assert "its tolerance allows" not in project.run().text
    project.write(test_it=test.format(size=4_000_000))
    run = project.run()
    assert run.outcomes() == {"test_it": "ok"}
    assert "it grew, and its tolerance allows that: peak 3.8 MiB, was 390." in run.text
