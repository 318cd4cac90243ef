"""From the first run to a failure: what passes, what fails, and what is said about it."""

from __future__ import annotations

import re

import pytest

from pytest_memguard.core.units import format_size
from tests.guarded_project import GuardedProject, Run
from tests.meter_here import BYTEARRAY_BYTES, HARNESS_BYTES, METER, needs_counts, needs_memray

SIZED = """
    import os
    import pytest

    PEAK = int(os.environ.get("PEAK", 1_000_000))
    KEPT = int(os.environ.get("KEPT", 10_000))
    HELD = []

    @pytest.mark.memguard
    def test_peak():
        held = bytearray(PEAK)

    @pytest.mark.memguard
    def test_kept():
        HELD.append(bytes(KEPT))

    @pytest.mark.memguard
    def test_steady():
        held = bytearray(50_000)
"""


NEW_ROWS = format_size(500_000 + BYTEARRAY_BYTES)


def grown_text(run: Run) -> str:
    """Return what is said of `test_peak` with half as much again."""
    peak = run.results()["test_peak"]["metrics"]["peak"]
    was, limit = peak["baseline"], peak["limit"]
    assert 0 <= peak["measured"] - 1_500_000 - BYTEARRAY_BYTES <= HARNESS_BYTES
    assert 0 <= was - 1_000_000 - BYTEARRAY_BYTES <= HARNESS_BYTES
    part = f"{100 * (peak['measured'] - was) / was:.1f}".removesuffix(".0")
    return f"memguard: grew: peak 1.4 MiB, was {format_size(was)} (+{part}%, limit {format_size(limit)})"


@pytest.fixture
def accepted(project: GuardedProject) -> GuardedProject:
    """Return a project with a baseline."""
    project.write(test_it=SIZED)
    assert project.accept().code == 0
    return project


def test_the_first_run_warns_and_names_the_next_command(project: GuardedProject) -> None:
    project.write(test_it=SIZED)
    run = project.run()
    assert run.code == 0
    assert set(run.outcomes().values()) == {"no-baseline"}
    assert {test["samples"] for test in run.file["tests"]} == {2}
    assert run.problems() == {"no-baseline": False}
    said = " ".join(run.summary.split())
    assert "warning: nothing is accepted for cpython-" in said
    assert "Accept this run's numbers with: memguard accept" in said


def test_the_first_run_fails_in_ci(project: GuardedProject) -> None:
    project.write(test_it=SIZED)
    project.let(CI="true")
    run = project.run()
    assert run.code == 1
    assert run.counted() == {"passed": 3}
    assert run.problems() == {"no-baseline": True}
    assert "FAILED: nothing is accepted for cpython-" in run.summary


def test_a_ci_variable_that_says_no_is_no_ci(project: GuardedProject) -> None:
    project.write(test_it=SIZED)
    project.let(CI="False")
    assert project.run().code == 0


def test_other_environments_with_a_baseline_are_named(project: GuardedProject) -> None:
    project.write(
        {
            ".memguard/baseline/cpython-3.9-linux-x86_64/test_it.py.yml": """
                format: 1
                meter: memray
                tests: {}
            """
        },
        test_it=SIZED,
    )
    assert "There are baselines for cpython-3.9-linux-x86_64." in " ".join(project.run().summary.split())


def test_what_was_accepted_passes(accepted: GuardedProject) -> None:
    accepted.let(CI="true")
    run = accepted.run()
    assert run.code == 0
    assert set(run.outcomes().values()) == {"ok"}
    assert run.summary.splitlines() == [f"3 ok  ({METER.name}, {run.file['environment']})"]


def test_accepting_says_what_it_wrote(project: GuardedProject) -> None:
    project.write(test_it=SIZED)
    run = project.accept()
    assert f"accepted  test_it.py::test_peak  peak {format_size(run.measured('test_peak'))}" in run.summary
    assert "accepted 3 entries into .memguard/baseline" in run.summary
    assert 0 <= run.measured("test_peak") - 1_000_000 - BYTEARRAY_BYTES <= HARNESS_BYTES
    assert f"peak: {run.measured('test_peak'):_}" in project.entries()
    again = project.accept()
    assert "accepted 0 entries" in again.summary


def test_growth_fails_its_test_and_says_all_that_is_needed(accepted: GuardedProject) -> None:
    accepted.let(PEAK=1_500_000)
    run = accepted.run("--junitxml=junit.xml", "-rA")
    assert run.code == 1
    assert run.counted() == {"failed": 1, "passed": 2}
    assert run.outcomes() == {"test_peak": "grew", "test_kept": "ok", "test_steady": "ok"}
    samples = {name: test["samples"] for name, test in run.results().items()}
    # tracemalloc counts what pytest pays once in the second sample, too, and then asks for more.
    assert samples.pop("test_peak") in ((3,) if METER == "memray" else (3, 6))
    assert samples == {"test_kept": 1, "test_steady": 1}
    shown = "\n".join(run.lines)
    assert grown_text(run) in shown
    assert re.search(r"\+488\.\d KiB  test_it\.py:11 in test_peak  \(was 97\d\.\d KiB\)", shown)
    assert "If this is intended: memguard accept test_it.py::test_peak" in shown
    assert "Traceback" not in shown
    assert "1 grew, 2 ok" in run.summary
    assert run.summary.splitlines()[-1] == "Accept what is intended:  memguard accept test_it.py::test_peak"
    assert_junit_has_the_figures(accepted, run)


def test_a_new_line_is_named_where_an_older_one_of_its_function_holds_more(project: GuardedProject) -> None:
    rows = "import pytest\n\n@pytest.mark.memguard\ndef test_rows():\n    rows = bytearray(2_000_000)\n"
    project.write(test_it=rows)
    project.accept()
    project.write(test_it=f"{rows}    index = bytearray(500_000)\n")
    shown = "\n".join(project.run().lines)
    assert f"+{NEW_ROWS}  test_it.py:6 in test_rows  (was 1.9 MiB)" in shown


def test_new_lines_are_named_and_not_the_older_one_below_them(project: GuardedProject) -> None:
    project.write(test_it=_loading("ctx = bytearray(570_000)"))
    project.accept()
    project.write(
        test_it=_loading("a = bytearray(300_000)", "b = bytearray(300_000)", "ctx = bytearray(570_000)")
    )
    sites = project.run().results()["test_load"]["sites"]
    assert [(site["line"], site["bytes"] // 1000) for site in sites] == [(5, 300), (6, 300)]


def test_where_several_lines_may_have_grown_the_function_is_named_with_all(project: GuardedProject) -> None:
    project.write(test_it=_loading("ctx = bytearray(570_000)"))
    project.accept()
    project.write(test_it=_loading("pem = bytearray(230_000)", "ctx = bytearray(820_000)"))
    run = project.run()
    line = r" *{size} KiB  {of}\n"
    shown = (
        line.format(size=r"\+46\d\.\d", of=r"test_it\.py in test_load  \(was 55\d\.\d KiB\)"),
        line.format(size=r"80\d\.\d", of=r"line 6: ctx = bytearray\(820_000\)"),
        line.format(size=r"22\d\.\d", of=r"line 5: pem = bytearray\(230_000\)"),
    )
    assert re.search("".join(shown), run.text)


def _loading(*lines: str) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"import pytest\n\n@pytest.mark.memguard\ndef test_load():\n{body}\n"


def assert_junit_has_the_figures(project: GuardedProject, run: Run) -> None:
    suite = project.junit()
    assert suite.get("failures") == "1"
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    failure = cases["test_peak"].find("failure")
    assert failure is not None
    assert str(failure.get("message")) == grown_text(run)
    assert str(failure.text).startswith(f"{failure.get('message')}\n  +488.3 KiB  test_it.py:11 in test_peak")
    properties = {
        name: [(each.get("name"), str(each.get("value"))) for each in case.iter("property")]
        for name, case in cases.items()
    }
    assert properties["test_peak"][0][0] == "memguard"
    assert properties["test_peak"][0][1].startswith(f"grew peak={run.measured('test_peak')} retained=")
    assert properties["test_steady"][0][1].startswith(f"ok peak={run.measured('test_steady')} retained=")


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["here", "in a worker"])
def test_growth_is_told_with_its_figures_in_pytests_short_summary(
    accepted: GuardedProject, workers: tuple[str, ...]
) -> None:
    accepted.let(PEAK=1_500_000, COLUMNS=80)
    run = accepted.spawn(*workers, plugins=("xdist.plugin",))
    (line,) = [line for line in run.lines if line.startswith("FAILED ")]
    assert line.startswith(f"FAILED test_it.py::test_peak - {grown_text(run).partition(' (')[0]}")
    assert len(line) <= 80


def test_growth_stops_the_run_under_exitfirst_and_has_a_place(
    accepted: GuardedProject,
) -> None:
    accepted.let(PEAK=1_500_000)
    run = accepted.run("-x", "--tb=line")
    assert run.code == 1
    assert run.counted() == {"failed": 1}
    assert list(run.outcomes()) == ["test_peak"]
    assert f"{accepted.root}/test_it.py:9: memguard: grew: peak 1.4 MiB" in run.text


def test_growth_is_run_again_under_last_failed(accepted: GuardedProject) -> None:
    accepted.let(PEAK=1_500_000)
    accepted.run("-p", "cacheprovider")
    run = accepted.run("-p", "cacheprovider", "--lf")
    assert list(run.outcomes()) == ["test_peak"]
    assert run.counted()["failed"] == 1
    accepted.let(PEAK=1_000_000)
    assert accepted.run("-p", "cacheprovider", "--lf").code == 0


def test_what_is_kept_is_judged_beside_the_peak(accepted: GuardedProject) -> None:
    accepted.let(KEPT=500_000)
    run = accepted.run()
    assert run.outcomes()["test_kept"] == "grew"
    metrics = run.results()["test_kept"]["metrics"]
    assert metrics["retained"]["measured"] - metrics["retained"]["baseline"] == 490_000
    assert "retained 488." in "\n".join(run.lines)


def test_growth_inside_the_tolerance_passes(accepted: GuardedProject) -> None:
    accepted.let(PEAK=1_000_000 + 16 * 1024 - HARNESS_BYTES)
    assert accepted.run().outcomes()["test_peak"] == "ok"
    accepted.let(PEAK=1_000_000 + 16 * 1024 + 1 + HARNESS_BYTES)
    run = accepted.run()
    assert run.outcomes()["test_peak"] == "grew"


def test_an_improvement_passes_and_offers_to_be_locked_in(accepted: GuardedProject) -> None:
    accepted.let(PEAK=100_000)
    run = accepted.run()
    assert run.code == 0
    assert run.outcomes()["test_peak"] == "improved"
    assert "Lock improvements in (1 with slack that would hide growth):  memguard accept" in run.summary
    run = accepted.accept()
    assert f"peak: {run.measured('test_peak'):_}" in accepted.entries()
    assert run.measured("test_peak") < 110_000


def test_a_test_added_later_is_new_and_passes(accepted: GuardedProject) -> None:
    accepted.write(test_more="import pytest\n@pytest.mark.memguard\ndef test_added(): pass\n")
    accepted.let(CI="1")
    run = accepted.run()
    assert run.code == 0
    assert run.outcomes()["test_added"] == "new"
    assert "1 new, 3 ok" in run.summary


def test_a_limit_needs_no_baseline(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            HELD = []

            @pytest.mark.memguard(max_peak="900 KiB")
            def test_peak(): HELD.append(bytes(1_000_000))

            @pytest.mark.memguard(max_retained=50)
            def test_retained(): HELD.append(bytes(1_000_000))

            @pytest.mark.memguard(max_allocations=0)
            def test_allocations(): HELD.append(bytes(1_000_000))
        """
    )
    limits = {"test_peak": "KiB, over max_peak = 900.0 KiB", "test_retained": "KiB, over max_retained = 50 B"}
    if METER.counts_allocations:
        limits["test_allocations"] = "over max_allocations = 0"
    run = project.run()
    assert run.code == 1
    assert {name for name, outcome in run.outcomes().items() if outcome == "over-limit"} == {*limits}
    for name, limit in limits.items():
        assert limit in run.reason(name)
    assert "The limit is the test's own: use less memory, or raise it where it is written." in run.text


@needs_counts
def test_a_tolerance_by_metric_gates_allocations_too(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import os, pytest

            TIMES = int(os.environ["TIMES"])

            @pytest.mark.memguard(tolerance={"allocations": "0%", "peak": "300%"})
            def test_counted():
                for _ in range(TIMES):
                    bytearray(2000)
        """
    )
    project.let(TIMES=10)
    project.accept()
    assert project.run().outcomes() == {"test_counted": "ok"}
    project.let(TIMES=11)
    run = project.run()
    assert run.outcomes() == {"test_counted": "grew"}
    assert run.reason("test_counted").startswith("allocations ")
    assert " B" not in run.reason("test_counted")


def test_advisory_reports_growth_and_fails_nothing(accepted: GuardedProject) -> None:
    accepted.let(PEAK=1_500_000, CI="true")
    run = accepted.run("--memguard-advisory")
    assert run.code == 0
    assert run.outcomes()["test_peak"] == "grew"
    assert "advisory: nothing fails" in run.summary
    assert grown_text(run).partition("grew: ")[2].partition(" (")[0] in run.summary


def test_fail_on_decides_which_outcomes_fail(accepted: GuardedProject) -> None:
    accepted.write(test_more="import pytest\n@pytest.mark.memguard\ndef test_added(): pass\n")
    accepted.let(PEAK=1_500_000)
    run = accepted.run("--memguard-fail-on=new,improved")
    assert run.counted() == {"failed": 1, "passed": 3}
    assert run.outcomes()["test_peak"] == "grew"
    (failed,) = [name for name, test in run.results().items() if test.get("fails")]
    assert failed == "test_added"


def test_fail_on_in_the_settings_counts_as_well(accepted: GuardedProject) -> None:
    accepted.write({"pyproject.toml": "[tool.memguard]\nfail_on = ['improved']\n"})
    accepted.let(PEAK=100_000)
    assert accepted.run().counted() == {"failed": 1, "passed": 2}


def test_accepting_does_not_fail_what_it_accepts(accepted: GuardedProject) -> None:
    accepted.let(PEAK=1_500_000)
    run = accepted.accept()
    assert run.code == 0
    was = format_size(run.results()["test_peak"]["metrics"]["peak"]["baseline"])
    assert re.search(
        rf"accepted  test_it.py::test_peak  peak {was} -> 1\.4 MiB \(\+(50|49\.\d)%\)", run.summary
    )
    assert "accepted 1 entry into .memguard/baseline" in run.summary
    assert accepted.run().outcomes()["test_peak"] == "ok"


def test_accepting_still_fails_what_is_over_a_limit(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.mark.memguard(max_peak=1000)
            def test_limited(): bytearray(100_000)
        """
    )
    assert project.accept().code == 1


def judged(run: Run) -> dict[str, str]:
    return {name: run.reason(name) for name, outcome in run.outcomes().items() if outcome == "not-measured"}


def test_tests_that_fail_or_are_skipped_or_expected_to_fail_are_never_judged(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            pytestmark = pytest.mark.memguard(max_peak=1)

            def test_failed():
                bytearray(10**6)
                assert False

            def test_skipped():
                bytearray(10**6)
                pytest.skip("no")

            @pytest.mark.skip
            def test_marked_skip(): bytearray(10**6)

            @pytest.mark.xfail
            def test_xfailed():
                bytearray(10**6)
                assert False

            @pytest.mark.xfail(strict=False)
            def test_xpassed(): bytearray(10**6)

            def test_imperative_xfail():
                bytearray(10**6)
                pytest.xfail("later")

            @pytest.fixture
            def broken():
                raise ValueError

            def test_broken_setup(broken): pass
        """
    )
    run = project.run()
    assert run.counted() == {"failed": 1, "skipped": 2, "xfailed": 2, "xpassed": 1, "errors": 1}
    assert judged(run) == {
        "test_failed": "the test failed in its call",
        "test_skipped": "the test was skipped",
        "test_marked_skip": "the test was skipped",
        "test_xfailed": "the test is expected to fail",
        "test_xpassed": "it passed although xfail expects it to fail; without that marker it is judged",
        "test_imperative_xfail": "the test is expected to fail",
        "test_broken_setup": "the test failed in its setup",
    }


def test_a_skipped_test_does_not_fail_where_tests_that_are_not_measured_do(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.mark.memguard
            def test_skipped(): pytest.skip("no")

            @pytest.mark.memguard
            def test_passed(): pass
        """
    )
    run = project.run("--memguard-fail-on=not-measured")
    assert run.code == 0
    assert not any(test.get("fails") for test in run.file["tests"])


def test_a_strict_xfail_that_passes_fails_for_pytests_own_reason(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.mark.xfail(strict=True)
            @pytest.mark.memguard(max_peak=1)
            def test_xpassed(): bytearray(10**6)
        """
    )
    run = project.run()
    assert "[XPASS(strict)]" in run.text
    assert run.outcomes() == {"test_xpassed": "not-measured"}


def test_a_run_that_guards_no_test_warns_here_and_fails_in_ci(project: GuardedProject) -> None:
    project.write(test_it="def test_unmarked(): pass")
    run = project.run()
    assert run.code == 0
    assert run.problems() == {"no-tests": False}
    project.let(CI="true")
    run = project.run()
    assert run.code == 1
    assert run.problems() == {"no-tests": True}
    said = " ".join(run.summary.split())
    assert "FAILED: this run guarded no test, so it proves nothing about memory." in said
    assert "@pytest.mark.memguard" in said


@pytest.mark.parametrize(
    ("settings", "variable", "fails"),
    [
        ("ci = true", "", True),
        ("ci = false", "true", False),
        ("ci = true\nallow_empty = true", "true", False),
        ("allow_empty = false", "true", True),
    ],
)
def test_the_project_says_what_is_ci_and_whether_a_run_may_be_empty(
    project: GuardedProject, settings: str, variable: str, fails: bool
) -> None:
    project.write({"pyproject.toml": f"[tool.memguard]\n{settings}\n"}, test_it="def test_unmarked(): pass")
    project.let(CI=variable)
    run = project.run()
    assert run.problems() == {"no-tests": fails}
    assert run.code == int(fails)


def test_a_run_that_collects_nothing_keeps_pytests_exit_code_here(project: GuardedProject) -> None:
    assert project.run().code == pytest.ExitCode.NO_TESTS_COLLECTED


@needs_memray
def test_a_baseline_of_other_versions_is_said_first_where_something_grew(accepted: GuardedProject) -> None:
    (path,) = (accepted.root / ".memguard/baseline").glob("*/*.yml")
    text = path.read_text()
    line = next(line for line in text.splitlines() if line.startswith("made_with"))
    path.write_text(text.replace(line, "made_with: {python: 3.11.0, memray: 1.0.0}"))
    assert "this alone may have changed the figures" not in accepted.run().summary
    accepted.let(PEAK=1_500_000)
    summary = accepted.run().summary
    assert "note: memray 1.0.0 made the baseline" in summary
    assert "this alone may have changed the figures" in summary


def test_the_debug_mode_of_asyncio_is_said_where_something_grew(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import asyncio, pytest

            async def step():
                await asyncio.sleep(0)

            async def steps():
                await asyncio.gather(*(step() for _ in range(100)))

            @pytest.mark.memguard
            def test_steps():
                loop = asyncio.new_event_loop()  # `asyncio.run` would leave no loop for other tests here
                loop.run_until_complete(steps())
                loop.close()
        """
    )
    project.accept()
    project.let(PYTHONASYNCIODEBUG=1)
    run = project.run()
    assert run.outcomes() == {"test_steps": "grew"}
    assert " made the baseline, " in run.summary
    assert " with asyncio in debug mode runs now; this alone may have changed the figures" in run.summary


@needs_memray
def test_other_versions_are_said_once_and_first_by_workers_too(accepted: GuardedProject) -> None:
    (path,) = (accepted.root / ".memguard/baseline").glob("*/*.yml")
    path.write_text(re.sub(r"memray: [\d.]+,", "memray: 1.0.0,", path.read_text()))
    accepted.let(PEAK=1_500_000)
    run = accepted.run("-n2", plugins=("xdist.plugin",))
    assert run.counted() == {"failed": 1, "passed": 2}
    assert run.summary.startswith("note: memray 1.0.0 made the baseline, ")
    assert run.text.count("this alone may have changed the figures") == 1


@needs_memray
def test_numbers_of_two_meters_are_not_compared(accepted: GuardedProject) -> None:
    text = accepted.entries()
    assert "\nmeter: memray (python allocators traced)\n" in text
    accepted.let(CI="true")
    run = accepted.run("--memguard-meter=tracemalloc")
    assert run.code == 1
    assert set(run.outcomes().values()) == {"no-baseline"}
    assert run.problems() == {"no-baseline": True}
    assert (
        run.reason("test_peak")
        == "its entry was measured with memray, which cannot be compared with tracemalloc"
    )
    assert accepted.accept("--memguard-meter=tracemalloc").code == 0
    assert "\nmeter: tracemalloc (python allocators only)\n" in accepted.entries()
    assert set(accepted.run("--memguard-meter=tracemalloc").outcomes().values()) == {"ok"}


@needs_memray
def test_an_entry_names_its_meter_where_it_is_not_that_of_the_file(accepted: GuardedProject) -> None:
    before = accepted.entries()
    assert accepted.accept("--memguard-meter=tracemalloc", "test_it.py::test_peak").code == 0
    after = accepted.entries()
    assert after.count("\n    meter: tracemalloc\n") == 1
    assert after.startswith(before[: before.index("made_with")])
    by_memray, by_tracemalloc = (
        accepted.run(f"--memguard-meter={meter}").outcomes() for meter in ("memray", "tracemalloc")
    )
    assert by_memray == {"test_peak": "no-baseline"} | dict.fromkeys(set(by_memray) - {"test_peak"}, "ok")
    assert by_tracemalloc == dict.fromkeys(by_memray, "no-baseline") | {"test_peak": "ok"}


def test_a_baseline_that_cannot_be_read_is_a_usage_error(accepted: GuardedProject) -> None:
    (path,) = (accepted.root / ".memguard/baseline").glob("*/*.yml")
    path.write_text(re.sub(r"peak: 1_00[\d_]+", "peak: many", path.read_text()))
    run = accepted.run()
    assert run.code == pytest.ExitCode.USAGE_ERROR
    said = " ".join((run.errors + run.text).split())
    assert "test_it.py.yml" in said
    assert "'many'" in said
    assert "Traceback" not in said


def test_note_of_an_entry_is_shown_where_it_grew_again(accepted: GuardedProject) -> None:
    (path,) = (accepted.root / ".memguard/baseline").glob("*/*.yml")
    path.write_text(re.sub(r"(    peak: 1_00[\d_]+)", r"\1\n    note: see 482", path.read_text()))
    accepted.let(PEAK=1_500_000)
    assert "accepted with the note: see 482" in "\n".join(accepted.run().lines)


def test_collecting_only_leaves_the_last_results_alone(accepted: GuardedProject) -> None:
    before = (accepted.root / ".memguard/results/last.json").read_text()
    run = accepted.run("--collect-only", "-q")
    assert run.code == 0
    assert (accepted.root / ".memguard/results/last.json").read_text() == before


QUARANTINED = """
    import os, pytest

    @pytest.mark.memguard(on_growth="warn", until=os.environ.get("UNTIL"))
    def test_warned(): bytearray(int(os.environ["PEAK"]))

    @pytest.mark.memguard(on_growth="warn", max_peak="1 KiB")
    def test_limited(): bytearray(2_000)
"""


def test_growth_in_quarantine_is_told_everywhere_and_fails_on_its_last_day(project: GuardedProject) -> None:
    project.write(test_it=QUARANTINED)
    project.let(UNTIL="2999-01-31", PEAK=1_000_000)
    project.accept()
    project.let(PEAK=2_000_000)
    run = project.run("--memguard-all")
    assert run.code == 0
    assert run.outcomes() == {"test_warned": "grew", "test_limited": "over-limit"}
    assert run.results()["test_warned"]["quarantine"] == {"until": "2999-01-31"}
    assert "quarantined: growth does not fail it before 2999-01-31" in run.summary
    assert "quarantined: growth does not fail it; no last day (`until`) is set" in run.summary
    assert "1 over-limit, 1 grew; 2 quarantined" in run.summary
    project.let(UNTIL="2020-01-31")
    run = project.run()
    assert run.code == 1
    assert [test["id"] for test in run.file["tests"] if test.get("fails")] == ["test_it.py::test_warned"]
    assert "its quarantine ended on 2020-01-31" in run.text
    assert "1 over-limit, 1 grew; 1 quarantined" in run.summary


def test_a_day_that_cannot_be_read_is_a_usage_error(project: GuardedProject) -> None:
    project.write(test_it=QUARANTINED)
    project.let(UNTIL="soon", PEAK=1)
    run = project.run()
    assert run.code == pytest.ExitCode.USAGE_ERROR
    said = " ".join((run.errors + run.text).split())
    assert (
        "test_it.py::test_warned: until: 'soon' is not a day; accepted is one such as '2027-01-31'." in said
    )
