"""Each planned test leaves exactly one result; what is lost, doubled or crashed is known by its id."""

from __future__ import annotations

import pytest

from pytest_memguard.run.planned_tests import PlannedTests


def report(test_id: str, outcome: str = "passed", *, longrepr: str = "") -> pytest.TestReport:
    place = ("t.py", 0, test_id)
    # Plugins report outcomes that pytest does not know.
    return pytest.TestReport(test_id, place, {}, outcome, longrepr, "call")  # type: ignore[arg-type]


@pytest.fixture
def planned() -> PlannedTests:
    tests = PlannedTests()
    tests.add(["t.py::a", "t.py::b"])
    return tests


def test_a_run_goes_on_until_each_planned_test_has_ended(planned: PlannedTests) -> None:
    assert PlannedTests().is_going_on, "nothing is planned yet"
    planned.finished("t.py::a")
    assert planned.is_going_on
    planned.finished("t.py::b")
    assert not planned.is_going_on
    planned.running = "t.py::b"
    assert planned.is_going_on


def test_a_test_that_ended_without_a_result_is_lost_and_one_that_did_not_end_never_ran(
    planned: PlannedTests,
) -> None:
    planned.finished("t.py::a")
    assert planned.never_run() == ("t.py::b",)
    assert planned.lost(stopped=True) == ("t.py::a",)
    assert planned.lost(stopped=False) == ("t.py::a", "t.py::b")


def test_a_result_is_delivered_once_and_a_second_one_is_doubled(planned: PlannedTests) -> None:
    assert not planned.delivered(report("t.py::a"))
    assert planned.doubled() == ()
    assert planned.delivered(report("t.py::a"))
    assert planned.doubled() == ("t.py::a",)
    assert planned.lost(stopped=False) == ("t.py::b",)


def test_a_report_of_a_test_that_runs_again_is_no_result(planned: PlannedTests) -> None:
    assert not planned.delivered(report("t.py::a", "rerun"))
    assert not planned.delivered(report("t.py::a"))
    assert planned.doubled() == ()


def test_a_test_whose_end_left_nothing_to_judge_is_remembered(planned: PlannedTests) -> None:
    skipped = report("t.py::a", "skipped")
    skipped.memguard_judged = False  # type: ignore[attr-defined]  # as the guard marks it
    planned.delivered(skipped)
    planned.delivered(report("t.py::b"))
    assert planned.unjudged == {"t.py::a"}


def test_a_crash_counts_only_for_a_planned_test_without_a_result(planned: PlannedTests) -> None:
    for test_id in ("t.py::a", "t.py::b", "t.py::other"):
        planned.crashed(report(test_id, "failed", longrepr=f"worker crashed in {test_id}"))
    planned.delivered(report("t.py::b"))
    assert planned.crashes() == {"t.py::a": "worker crashed in t.py::a"}
    assert planned.lost(stopped=False) == (), "a crash is told by itself"
