"""Puts a verdict into pytest's report of a test: its outcome, its message, its properties."""

from __future__ import annotations

import shutil

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprEntryNative, ReprFileLocation, ReprTraceback
from _pytest.outcomes import Failed
from _pytest.skipping import evaluate_xfail_marks, xfailed_key

from pytest_memguard.core.node_ids import region_of
from pytest_memguard.core.run_results import TestResult
from pytest_memguard.guard.rerun import recorded_failure
from pytest_memguard.guard.sampled import Sampled
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.reports.junit import property_text
from pytest_memguard.reports.text import failure_lines, failure_message


class FailingVerdictError(Failed):
    """What the call of a test raises whose memory fails it; plugins see it as any other failure."""

    def __init__(self, lines: list[str], message: str) -> None:
        super().__init__("\n".join(lines), pytrace=False)
        self.lines = lines
        self.message = message


def raise_failing(item: pytest.Item, results: list[TestResult]) -> None:
    """Raise `FailingVerdictError` where memory fails a test that has passed, and was expected to."""
    failing = [result for result in results if result.fails]
    if failing and not recorded_failure(item) and not _is_expected_to_fail(item):
        width = shutil.get_terminal_size().columns
        raise FailingVerdictError(
            [
                line
                for result in failing
                for line in failure_lines(result, region_of(result.id, item.nodeid), width=width)
            ],
            failure_message(failing[0], region_of(failing[0].id, item.nodeid)),
        )


def put_verdict(
    item: pytest.Item,
    call: pytest.CallInfo[None],
    report: pytest.TestReport,
    sampled: Sampled | None,
    session: GuardSession,
) -> tuple[tuple[TestResult, ...], bool]:
    """Return the results of a test's set-up or call report, and whether its memory was judged.

    There are none while the test goes on. A test that failed, was skipped or is expected to fail is
    never judged for its memory.
    """
    if report.when == "setup" and not report.passed:
        return (session.unjudged(item.nodeid, _why_not(report)),), False
    if sampled is None or report.when != "call":
        return (), True
    error = call.excinfo.value if call.excinfo else None
    if not isinstance(error, FailingVerdictError) and _ended_otherwise(item, report):
        return (session.unjudged(item.nodeid, _why_not(report)),), False
    report.memguard_seconds = report.duration  # type: ignore[attr-defined]  # carried through pytest-xdist too
    report.duration = sampled.seconds or report.duration
    results = tuple(sampled.results) or (session.unmeasured(item.nodeid, _NOTHING),)
    for result in results:
        item.user_properties.append(("memguard", property_text(result, region_of(result.id, item.nodeid))))
    if isinstance(error, FailingVerdictError):
        report.longrepr = _failure(item, error)
    report.user_properties = list(item.user_properties)
    return results, True


_PASSED_ALL_THE_SAME = "it passed although xfail expects it to fail; without that marker it is judged"
_NOTHING = "it measured no region: the block of memguard.measure(), or check_leaks(), did not run"


def _ended_otherwise(item: pytest.Item, report: pytest.TestReport) -> bool:
    return not report.passed or hasattr(report, "wasxfail") or recorded_failure(item)


def _is_expected_to_fail(item: pytest.Item) -> bool:
    """Say what pytest decided: a marker `xfail` whose condition does not hold expects nothing."""
    if item.config.getoption("runxfail", default=False):
        return False
    return bool(item.stash.get(xfailed_key, None) or evaluate_xfail_marks(item))


def _failure(item: pytest.Item, error: FailingVerdictError) -> ExceptionChainRepr:
    """Put what memguard says where pytest has a failure's text, and its first sentence as the message.

    A plain string has no message: the short summary of pytest 8 would show none, nor would a worker's.
    """
    text = ReprTraceback([ReprEntryNative([f"{line}\n" for line in error.lines])], None, style="native")
    place = ReprFileLocation(str(item.path), (item.location[1] or 0) + 1, error.message)
    return ExceptionChainRepr([(text, place, None)])


def _why_not(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return _PASSED_ALL_THE_SAME if report.passed else "the test is expected to fail"
    return "the test was skipped" if report.skipped else f"the test failed in its {report.when}"
