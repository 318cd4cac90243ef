"""Where threads met, in the words of each report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import TestResult
from pytest_memguard.core.sites import Meeting, Site
from pytest_memguard.reports.annotations import AnnotationsReport
from pytest_memguard.reports.markdown import MarkdownReport
from pytest_memguard.reports.text import TextReport, failure_lines
from tests.reports.made_results import result, run

MADE = "at once, and each had made 293.0 KiB in load (prices.py:41)"


def raced(before_line: int = 12) -> TestResult:
    test = result("tests/test_prices.py::test_at_once", Outcome.GREW, file="prices.py", function="load")
    met = Meeting(8, 300_032, Site("prices.py", 11, "get"), before_line)
    return replace(test, verdict=replace(test.verdict, sites=(replace(test.verdict.sites[0], met=met),)))


@pytest.mark.parametrize(
    ("before_line", "where"),
    [
        (12, "between prices.py:11 and prices.py:12"),
        (0, "between prices.py:11 and the return of get"),
        (11, "in prices.py:11"),
    ],
    ids=["line", "return", "within"],
)
def test_every_report_says_where_threads_met(before_line: int, where: str) -> None:
    said = f"8 threads were {where} {MADE}"
    results = run(raced(before_line))
    (annotation,) = AnnotationsReport(lambda file: file).annotations(results)
    for report in (
        failure_lines(results.tests[0], width=200),
        TextReport().lines(results, width=200),
        MarkdownReport().lines(results),
        [annotation.message],
    ):
        assert said in "\n".join(report)
