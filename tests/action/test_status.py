"""The status and the exit code: a table of how a run can end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunProblem, RunResults
from pytest_memguard.core.settings import Settings
from pytest_memguard.github.environment_report import reported
from pytest_memguard.github.inputs import Inputs
from pytest_memguard.github.place import Place
from pytest_memguard.github.status import Decision, Measured, decide_status, judged_by, worst
from tests.reports.made_results import leaked, quarantined, result, run

OK = run(result())
GREW = run(result(), result("t.py::b", Outcome.GREW))
NOT_FAILING = replace(GREW, tests=tuple(replace(test, fails=False) for test in GREW.tests))
NEW = run(result(), result("t.py::b", Outcome.NEW, baseline=None))
NO_BASELINE = run(
    result(outcome=Outcome.NO_BASELINE, baseline=None),
    problems=[RunProblem("no-baseline", "nothing is accepted", fails=True)],
)
EMPTY = run(problems=[RunProblem("no-tests", "no guarded test", fails=True)])
SKIPPED = run(
    result(outcome=Outcome.NOT_MEASURED, reason="the test was skipped"),
    problems=[RunProblem("nothing-judged", "none was measured", fails=False)],
)
BROKEN = replace(SKIPPED, problems=(RunProblem("nothing-measured", "none was measured", fails=True),))
BROKEN_SHARDS = replace(SKIPPED, problems=SKIPPED.problems + BROKEN.problems)
BROKEN_ELSEWHERE = replace(SKIPPED, problems=(RunProblem("nothing-measured", "none was", fails=False),))
SELECTED = run(problems=[RunProblem("no-tests", "none among those selected", fails=False)])
LOST = run(result(), problems=[RunProblem("lost-results", "t.py::b left no result", fails=True)])
FORGOTTEN = run(result(), replace(result("t.py::b", Outcome.UNGUARDED), fails=True))
FAILS_AS_NEW = replace(result("t.py::b", Outcome.NEW, baseline=None), fails=True)
NAMED = run(result(), FAILS_AS_NEW)
NAMED_BOTH = run(replace(result(outcome=Outcome.IMPROVED), fails=True), FAILS_AS_NEW)
NAMED_AND_LOST = replace(NAMED, problems=LOST.problems)
NOT_MADE = run(FAILS_AS_NEW, replace(result("t.py::c", Outcome.NOT_MEASURED), fails=True))
CHECK, ADVISORY, ENFORCED = Inputs(), Inputs(mode="advisory"), Inputs(is_enforced=True)

TABLE = [
    ("unchanged", OK, 0, 0, CHECK, ("passed", 0)),
    ("growth", GREW, 1, 1, CHECK, ("regressed", 1)),
    ("a leak", run(leaked()), 1, 1, CHECK, ("regressed", 1)),
    ("growth, and another test fails", GREW, 1, 2, CHECK, ("regressed", 1)),
    ("growth that nobody counted", GREW, 1, None, CHECK, ("regressed", 1)),
    ("growth in quarantine", run(quarantined(leaked())), 0, 0, CHECK, ("regressed", 0)),
    ("growth in advisory mode", NOT_FAILING, 0, 0, ADVISORY, ("regressed", 0)),
    ("growth and a failed test in advisory mode", NOT_FAILING, 1, 1, ADVISORY, ("tests-failed", 1)),
    ("a failed test", OK, 1, 1, CHECK, ("tests-failed", 1)),
    ("a failed test beside new ones", NEW, 1, 1, CHECK, ("tests-failed", 1)),
    ("new tests", NEW, 0, 0, CHECK, ("new", 0)),
    ("improved", run(result(outcome=Outcome.IMPROVED)), 0, 0, CHECK, ("improved", 0)),
    ("no baseline", NO_BASELINE, 1, 0, CHECK, ("no-baseline", 1)),
    ("no baseline in advisory mode", NO_BASELINE, 0, 0, ADVISORY, ("no-baseline", 0)),
    ("no baseline, not to fail", NO_BASELINE, 1, 0, Inputs(fail_on=("regression",)), ("no-baseline", 0)),
    ("no baseline, to fail", NO_BASELINE, 1, 0, Inputs(fail_on=("env-mismatch",)), ("no-baseline", 1)),
    ("no baseline and a failed test", NO_BASELINE, 1, 1, Inputs(fail_on=("none",)), ("tests-failed", 1)),
    ("nothing guarded", EMPTY, 1, 0, CHECK, ("no-tests", 1)),
    ("nothing guarded, allowed", EMPTY, 1, 0, Inputs(allow_empty=True), ("no-tests", 0)),
    ("nothing guarded, allowed, a failed test", EMPTY, 1, 1, Inputs(allow_empty=True), ("tests-failed", 1)),
    ("nothing guarded, not to fail", EMPTY, 1, 0, Inputs(fail_on=("none",)), ("no-tests", 0)),
    ("a selection without a guarded test", SELECTED, 0, 0, CHECK, ("no-tests", 0)),
    ("a lost result", LOST, 1, 0, CHECK, ("error", 1)),
    ("an entry without a guard", FORGOTTEN, 1, 0, CHECK, ("error", 1)),
    ("new tests, named", NAMED, 1, 0, CHECK, ("new", 1)),
    ("new and improved tests, named", NAMED_BOTH, 1, 0, CHECK, ("new", 1)),
    ("new tests, named, and a lost result", NAMED_AND_LOST, 1, 0, CHECK, ("error", 1)),
    ("a check that was not made, beside new tests", NOT_MADE, 1, 0, CHECK, ("error", 1)),
    (
        "nothing measured where the checkout says that it is no CI",
        BROKEN_ELSEWHERE,
        0,
        0,
        ENFORCED,
        ("no-tests", 1),
    ),
    ("all skipped, enforced", SKIPPED, 0, 0, ENFORCED, ("no-tests", 0)),
    ("nothing collected", EMPTY, 5, 0, CHECK, ("no-tests", 1)),
    ("all skipped", SKIPPED, 0, 0, CHECK, ("no-tests", 0)),
    ("nothing could be measured", BROKEN, 1, 0, CHECK, ("no-tests", 1)),
    ("all skipped in one shard, nothing measured in another", BROKEN_SHARDS, 1, 0, CHECK, ("no-tests", 1)),
    ("usage error", None, 4, None, CHECK, ("error", 4)),
    ("usage error in advisory mode", None, 4, None, ADVISORY, ("error", 4)),
    ("interrupted with results", OK, 2, 0, CHECK, ("error", 2)),
    ("killed", None, 137, None, CHECK, ("error", 137)),
    ("no results though pytest was content", None, 0, 0, CHECK, ("error", 2)),
]


@pytest.mark.parametrize(
    ("results", "exit_code", "tests_failed", "inputs", "expected"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_a_run_ends_with_its_status_and_exit_code(
    results: RunResults | None,
    exit_code: int,
    tests_failed: int | None,
    inputs: Inputs,
    expected: tuple[str, int],
) -> None:
    decision = decide_status(results, Measured(exit_code, tests_failed), inputs=inputs)
    assert (decision.status, decision.exit_code) == expected


def test_a_baseline_of_another_environment_is_a_mismatch_that_names_it() -> None:
    decision = decide_status(
        NO_BASELINE, Measured(1, 0), inputs=CHECK, environments=["cpython-3.13-macos-arm64"]
    )
    assert decision.status == "env-mismatch"
    assert "there is a baseline for cpython-3.13-macos-arm64. Accept" in decision.sentence


def test_the_failing_outcomes_of_merged_shards_are_decided_anew() -> None:
    shard = replace(NOT_FAILING, advisory=True, problems=EMPTY.problems)
    judged = judged_by(shard, ["grew"])
    assert [test.fails for test in judged.tests] == [False, True]
    assert not judged.advisory
    assert judged.problems == (), "another shard guarded tests"


def test_of_several_environments_the_worst_status_and_any_failure_count() -> None:
    joined = worst([Decision("passed"), Decision("regressed", exit_code=1), Decision("new")])
    assert (joined.status, joined.exit_code) == ("regressed", 1)


@pytest.mark.parametrize(("allow_empty", "exit_code"), [(True, 0), (False, 1)])
def test_the_project_may_allow_a_run_that_guards_no_test(
    tmp_path: Path, allow_empty: bool, exit_code: int
) -> None:
    place = Place(tmp_path, tmp_path, Settings(allow_empty=allow_empty), tmp_path / "baseline")
    told = reported(CHECK, place, EMPTY, Measured(0, 0), propose_into=None)
    assert told.decision.exit_code == exit_code


def test_growth_in_quarantine_fails_no_merged_run_either() -> None:
    judged = judged_by(run(quarantined(leaked()), result("t.py::b", Outcome.GREW)), ["leaked", "grew"])
    assert [test.fails for test in judged.tests] == [False, True]
