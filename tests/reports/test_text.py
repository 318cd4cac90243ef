"""What the terminal's report says of a run."""

from __future__ import annotations

import re
import shlex

import pytest

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunProblem, TestResult
from pytest_memguard.core.units import KIB, MIB
from pytest_memguard.core.verdict import MetricVerdict, Verdict
from pytest_memguard.gate.judge import WITHOUT_TEST
from pytest_memguard.reports.markdown import MarkdownReport
from pytest_memguard.reports.rows import row
from pytest_memguard.reports.styled import Style
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
    gone = TestResult("test_it.py::test_gone", WITHOUT_TEST, fails=True)
    text = "\n".join(TextReport().lines(run(gone)))
    assert text.count("test_gone") == 1
    assert text.count("memguard prune") == 1, "what to do ends the report"
    assert row(gone).sentence == "its test no longer exists. Remove the entry with: memguard prune"


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
    told = "peak its accepted samples vary so much that they could hide 74.4 MiB; up to 1.2 MiB is tolerated"
    assert f"  test_it.py::test_a  {told}" in list(TextReport().lines(results, width=200))
    assert told in MarkdownReport().page(results)
    assert told not in "".join(TextReport().lines(run(result())))


LONG = "tests/test_catalogue_of_the_shop.py::TestCatalogue::test_lookup_of_many_products[large-1000]"


def everything() -> list[TestResult]:
    grew = result(LONG, Outcome.GREW, measured=48 * 1024 * KIB)
    missing = result(
        f"{LONG}2", Outcome.NOT_MEASURED, reason="a call takes too long: 73,728 calls within " * 3
    )
    return [grew, leaked(f"{LONG}3", "shop.session._OPEN (dict, 73,728 entries) in shop/session.py"), missing]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_are_broken_between_words_and_commands_nowhere(width: int) -> None:
    results = run(*everything(), problems=[RunProblem("no-baseline", "nothing is accepted " * 9, True)])
    wide = " ".join(" ".join(TextReport(verbose=True).lines(results, width=10_000)).split())
    lines = list(TextReport(verbose=True).lines(results, width=width))
    assert " ".join(" ".join(lines).split()) == wide, "the same words in the same order"
    for line in lines:
        words = line.split()
        assert len(line) <= width or len(words) <= 3 or words[0] == "memguard", line
    assert [line for line in lines if line.lstrip().startswith("memguard accept")] == [
        f"  memguard accept {' '.join(shlex.quote(test.id) for test in everything()[:2])}"
    ]


def test_a_number_stays_with_its_unit() -> None:
    for width in range(40, 90):
        for test in everything()[:2]:
            assert not [line for line in failure_lines(test, width=width) if re.search(r"\d[\d.,]*$", line)]


def test_what_was_told_before_is_a_line_with_a_bar() -> None:
    grew = result("test_it.py::test_a", Outcome.GREW, measured=62 * 1024 * KIB)
    lines = list(TextReport(shown=frozenset({grew.id}), bars=("█", "░")).lines(run(grew)))
    assert lines[:2] == [
        "test_it.py",
        "  grew          test_a  ████░░░░  peak +31.0 MiB (+100%)",
    ]
    assert "shop/cache.py" not in "".join(lines)
    assert list(TextReport(shown=frozenset({grew.id})).lines(run(grew)))[1].isascii()


def test_lines_of_tests_that_were_told_before_stand_in_columns_and_none_breaks() -> None:
    long = "test_it.py::test_limited_by_the_marker_with_a_rather_long_name[for one case of many]"
    tests = [
        result(long, Outcome.GREW, measured=62 * MIB),
        result("test_it.py::test_a", Outcome.GREW, measured=40 * MIB),
    ]
    told = frozenset(test.id for test in tests)
    for width in (60, 80, 120, 200):
        lines = list(TextReport(shown=told).lines(run(*tests), width=width))[1:3]
        assert all(len(line) <= width for line in lines), lines
        assert lines[0].index("  peak +") == lines[1].index("  peak +")


def test_pieces_say_what_they_mean() -> None:
    grew = result("test_it.py::test_a", Outcome.GREW, measured=62 * 1024 * KIB)
    lines = list(TextReport().styled(run(grew, result(), problems=[RunProblem("x", "y", True)])))
    styles = {
        piece.text.strip(): piece.style for line in lines for piece in line.pieces if piece.text.strip()
    }
    assert styles["grew"] is styles["1 grew"] is styles["FAILED:"] is styles["+31.0 MiB"] is Style.BAD
    assert styles["1 ok"] is Style.GOOD
    assert styles["memguard accept test_it.py::test_a"] is styles["test_it.py"] is Style.STRONG
