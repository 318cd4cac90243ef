"""Puts a verdict into pytest's report of a test: its outcome, message and properties."""

from __future__ import annotations

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprEntryNative, ReprFileLocation, ReprTraceback

from pytest_memguard.core.verdict import TestResult
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.guard.whole import Sampled
from pytest_memguard.reports.text import failure_lines


def put_verdict(
    item: pytest.Item, report: pytest.TestReport, sampled: Sampled | None, session: GuardSession
) -> tuple[TestResult, ...] | None:
    """Return the results of a test's set-up or call report; None where it has none yet.

    A test that failed, was skipped or is expected to fail is never judged for its memory.
    """
    if report.when == "setup":
        return None if report.passed else (session.unjudged(item.nodeid, _why_not(report)),)
    if sampled is None or report.when != "call":
        return None
    if not report.passed or hasattr(report, "wasxfail") or item.get_closest_marker("xfail"):
        return (session.unjudged(item.nodeid, _why_not(report)),)
    report.duration = sampled.seconds or report.duration
    results = tuple(sampled.results)
    for result in results:
        item.user_properties.append(("memguard", _property(result, item.nodeid)))
    failing = [result for result in results if result.fails]
    if failing:
        report.outcome = "failed"
        report.longrepr = _failure(item, failing)
    report.user_properties = list(item.user_properties)
    return results


def _failure(item: pytest.Item, failing: list[TestResult]) -> ExceptionChainRepr:
    """Put what memguard says where pytest has a failure's text, and its first line where it has the message.

    A plain string has no message: the short summary of pytest 8 would show none, nor would a worker's.
    """
    lines = [line for result in failing for line in failure_lines(result, _region(result, item.nodeid))]
    text = ReprTraceback([ReprEntryNative([f"{line}\n" for line in lines])], None, style="native")
    place = ReprFileLocation(str(item.path), (item.location[1] or 0) + 1, lines[0])
    return ExceptionChainRepr([(text, place, None)])


def _region(result: TestResult, test_id: str) -> str:
    """Return the name of the region that a result is about; nothing where it is the test's own."""
    return result.id[len(test_id) :].removeprefix("::")


def _why_not(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "the test is expected to fail"
    if report.skipped:
        return "the test was skipped"
    return "the test is expected to fail" if report.passed else f"the test failed in its {report.when}"


def _property(result: TestResult, test_id: str) -> str:
    """Write a result as a JUnit property: its outcome and figures."""
    name = _region(result, test_id)
    figures = [f"{metric.name}={metric.measured}" for metric in result.verdict.metrics]
    return " ".join([*([name] if name else []), str(result.outcome), *figures])
