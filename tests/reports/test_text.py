"""What the terminal's report says of a run."""

from __future__ import annotations

import pytest

from pytest_memguard.core.units import KIB
from pytest_memguard.core.verdict import MetricVerdict, Outcome, TestResult, Verdict
from pytest_memguard.gate.judge import stale
from pytest_memguard.reports.markdown import MarkdownReport
from pytest_memguard.reports.text import TextReport, failure_lines
from tests.reports.made_results import leaked, result, run


def test_a_first_look_at_a_suite_names_the_largest_peaks() -> None:
    tests = [
        result(f"test_it.py::test_{number}", Outcome.NO_BASELINE, measured=number * KIB, baseline=None)
        for number in range(1, 12)
    ]
    lines = list(TextReport().lines(run(*tests)))
    start = lines.index("Largest peaks, where a marker is worth most:")
    assert [line.split() for line in lines[start + 1 : start + 6]] == [
        [f"{number}.0", "KiB", f"test_it.py::test_{number}"] for number in (11, 10, 9, 8, 7)
    ]
    assert lines[-1] == "Accept what is new:  memguard accept"
    assert "Largest" not in "".join(TextReport().lines(run(*tests[:10])))


def test_the_rate_of_a_leak_is_said_once() -> None:
    text = "\n".join(failure_lines(leaked()))
    assert text.count("1.2 KiB") == 2, "the rate, and the site that leaks as much"
    assert "leak_per_call" not in text


def test_an_entry_without_its_test_is_named_once() -> None:
    gone = TestResult("test_it.py::test_gone", stale())
    text = "\n".join(TextReport().lines(run(gone)))
    assert text.count("test_gone") == 1


def test_a_second_metric_over_its_limit_is_written_in_its_own_unit() -> None:
    over = (
        MetricVerdict("peak", 5000, Outcome.OVER_LIMIT, None, 1000, "max_peak"),
        MetricVerdict("allocations", 35, Outcome.OVER_LIMIT, None, 0, "max_allocations"),
    )
    test = TestResult("test_it.py::test_a", Verdict(Outcome.OVER_LIMIT, "peak 4.9 KiB", over), fails=True)
    assert "  allocations 35, over max_allocations = 0" in list(failure_lines(test))


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.GREW])
def test_an_entry_that_is_too_noisy_is_told_in_every_report(outcome: Outcome) -> None:
    peak = MetricVerdict("peak", 1_100_000, outcome, 1_000_000, 1_250_000, "tolerance", noise=78_000_000)
    results = run(TestResult("test_it.py::test_a", Verdict(outcome, "", (peak,))))
    told = "peak its accepted samples vary enough to hide 74.4 MiB; up to 1.2 MiB is tolerated"
    assert f"  test_it.py::test_a  {told}" in list(TextReport().lines(results))
    assert told in MarkdownReport().page(results)
    assert told not in "".join(TextReport().lines(run(result())))
