"""The report of a run as lines of text, for terminals and plain logs."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from pytest_memguard.core.metrics import PEAK
from pytest_memguard.core.units import format_growth, format_size
from pytest_memguard.core.verdict import (
    GrownSite,
    MetricVerdict,
    Outcome,
    RunResults,
    TestResult,
    meter_name,
)
from pytest_memguard.gate.judge import is_slack
from pytest_memguard.gate.wording import growth_text, metric_text, quarantine_text
from pytest_memguard.reports.ranking import run_counts
from pytest_memguard.reports.untrusted import printable

SHOWN_ACCEPTS = 3
_SHORT_LIST = 10
_SHOWN_LARGEST = 5


def summary_lines(
    results: RunResults, *, width: int = 80, verbose: bool = False, accepting: bool = False
) -> Iterator[str]:
    r"""Yield the report of a run, what failed first by module, then the counts and what to do.

    tests/test_cache.py
      grew      test_lookup[1000]   peak 48.2 MiB, was 31.0 MiB (+55.5%, limit +1%)
                  +16.9 MiB  shop/cache.py:41 in put  (was 2.0 MiB)
    1 grew, 40 ok  (memray, cpython-3.11-linux-x86_64)
    Accept what is intended:  memguard accept 'tests/test_cache.py::test_lookup[1000]'
    """
    shown = [test for test in results.tests if test.outcome.is_growth or (test.fails and test.verdict.reason)]
    for module, tests in groupby(shown, key=lambda test: test.id.split("::", 1)[0]):
        yield printable(module)
        for test in tests:
            yield from _test_lines(test)
    yield from _short_lists(results, shown, width=width, verbose=verbose)
    yield from _notes(results, shown)
    for problem in results.problems:
        yield from textwrap.wrap(
            f"{'FAILED: ' if problem.fails else 'warning: '}{printable(problem.sentence)}",
            max(width, 40),
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    yield counts_line(results)
    if not accepting:
        yield from _next_steps(results)


def counts_line(results: RunResults) -> str:
    """Write how many tests ended how, and what measured them."""
    advisory = ", advisory: nothing fails" if results.advisory else ""
    measured = f"{meter_name(results.meter)}, {results.environment}{advisory}"
    return f"{run_counts(results)}  ({measured})"


def failure_lines(test: TestResult, region: str = "") -> Iterator[str]:
    """Yield what a failing test, or a region of it, says: the numbers, the sites, and how to accept them.

    The first line is short, since pytest's summary cuts it, and shows the test's id before it.
    """
    name = f"{printable(region)} " if region else ""
    yield f"memguard: {name}{test.outcome}: {printable(test.verdict.reason)}"
    for metric in _other_failing(test):
        yield f"  {metric_text(metric)}"
    if test.verdict.quarantine is not None:
        yield f"  {quarantine_text(test.verdict)}"
    yield from (f"  {line}" for line in _site_lines(test))
    if test.measurement is not None:
        for note in test.measurement.notes:
            yield f"  note: {printable(note)}"
    yield from (f"  {printable(hint)}" for hint in test.hints)
    if test.note:
        yield f"  accepted with the note: {printable(test.note)}"
    if test.outcome is Outcome.OVER_LIMIT:
        yield "  The limit is the test's own: use less memory, or raise it where it is written."
    elif test.outcome is Outcome.NOT_MEASURED:
        yield "  It fails in CI, since the test asks for a check. Mend what is in its way, or set fail_on."
    elif not test.outcome.is_about_entry:  # their reason says what to do
        yield f"  If this is intended: memguard accept {quoted(test.id)}"


def quoted(test_id: str) -> str:
    """Quote a node id for a shell, without what would steer a terminal."""
    return (
        shlex.quote(printable(test_id, at_most=len(test_id)))
        if shlex.quote(test_id) == test_id
        else f"'{_inner(printable(test_id, at_most=len(test_id)))}'"
    )


def _inner(text: str) -> str:
    return text.replace("'", "'\"'\"'")


def _test_lines(test: TestResult) -> Iterator[str]:
    name = printable(test.id.split("::", 1)[-1])
    yield f"  {test.outcome!s:<12}{name}   {printable(test.verdict.reason)}"
    for metric in _other_failing(test):
        yield f"                {metric_text(metric)}"
    if test.verdict.quarantine is not None:
        yield f"                {quarantine_text(test.verdict)}"
    for line in _site_lines(test):
        yield f"                {line}"
    if test.measurement is not None:
        for note in test.measurement.notes:
            yield f"                note: {printable(note)}"
    for hint in test.hints:
        yield f"                {printable(hint)}"


def _other_failing(test: TestResult) -> Iterator[MetricVerdict]:
    """Yield the metrics that failed beside the one that the reason names."""
    named = test.verdict.deciding
    yield from (judged for judged in test.verdict.metrics if judged.outcome.is_growth and judged is not named)


def _site_lines(test: TestResult) -> Iterator[str]:
    for grown in test.verdict.sites:
        yield site_text(grown)
        if grown.inner is not None:
            inner = grown.inner
            yield f"             in {printable(inner.file)}:{inner.line} {printable(inner.function)}"
    if test.measurement is not None and test.measurement.leak is not None and test.outcome is Outcome.LEAKED:
        for holder in test.measurement.leak.held_by:
            yield f"held by {printable(holder)}"


def site_text(grown: GrownSite) -> str:
    """Write a site with what it gained, as in `+16.9 MiB  shop/cache.py:41 in put  (was 2.0 MiB)`."""
    place = f"{printable(grown.site.file)}:{grown.site.line} in {printable(grown.site.function)}"
    was = f"  (was {format_size(grown.was_bytes)})" if grown.was_bytes is not None else ""
    return f"{growth_text(grown)}  {place}{was}"


def _short_lists(results: RunResults, shown: list[TestResult], *, width: int, verbose: bool) -> Iterator[str]:
    """Yield the tests that need a look and fail nothing, a line each."""
    for outcome in Outcome:
        tests = [test for test in results.tests if test.outcome is outcome and test not in shown]
        if outcome is Outcome.OK or (outcome.is_new and not verbose):
            continue
        if outcome is Outcome.NOT_MEASURED and not verbose:
            yield from _reasons(tests)
            continue
        limit = len(tests) if verbose else _SHORT_LIST
        for test in tests[:limit]:
            reason = textwrap.shorten(
                printable(test.verdict.reason),
                max(width, 80),
                placeholder=" …",
            )
            yield f"{outcome!s:<14}{printable(test.id)}  {reason}"
        if len(tests) > limit:
            yield f"{outcome!s:<14}and {len(tests) - limit} more; -v lists them"
    if verbose:
        yield from _first_costs(results)


def _reasons(tests: Iterable[TestResult]) -> Iterator[str]:
    """Yield the reasons of tests that were not measured, each once with its number."""
    reasons = Counter(test.verdict.reason for test in tests)
    for reason, number in reasons.most_common(_SHORT_LIST):
        yield f"not-measured  {number} test{'s' if number > 1 else ''}: {printable(reason)}"


def _notes(results: RunResults, shown: list[TestResult]) -> Iterator[str]:
    """Yield what is to be known of tests that are not shown, each sentence once with its number."""
    notes = Counter(
        note
        for test in results.tests
        if test not in shown and test.measurement is not None
        for note in test.measurement.notes
    )
    for note, number in notes.most_common(_SHORT_LIST):
        yield f"note  {number} test{'s' if number > 1 else ''}: {printable(note)}"


def _first_costs(results: RunResults) -> Iterator[str]:
    """Yield what first samples cost above the floor: imports and tables that are built once."""
    for test in results.tests:
        costs = test.measurement.first_cost if test.measurement else {}
        for name, size_bytes in costs.items():
            yield f"first sample  {printable(test.id)}  {name} {format_growth(size_bytes)} above the floor"


def _next_steps(results: RunResults) -> Iterator[str]:
    grown = [test for test in results.tests if test.outcome in (Outcome.GREW, Outcome.LEAKED)]
    improved = [test for test in results.tests if test.outcome is Outcome.IMPROVED]
    fresh = [test for test in results.tests if test.outcome.is_new]
    if grown:
        ids = " ".join(quoted(test.id) for test in grown[:SHOWN_ACCEPTS])
        yield f"Accept what is intended:  memguard accept {ids}"
        if len(grown) > SHOWN_ACCEPTS:
            yield f"  and {len(grown) - SHOWN_ACCEPTS} more; memguard accept takes all that changed"
    if improved:
        slack = sum(any(is_slack(metric) for metric in test.verdict.metrics) for test in improved)
        hidden = f" ({slack} with slack that would hide growth)" if slack else ""
        yield f"Lock improvements in{hidden}:  memguard accept"
    if len(fresh) > _SHORT_LIST:
        yield from _largest(fresh)
    if fresh and not grown:
        yield "Accept what is new:  memguard accept"
    gone = {test.outcome for test in results.tests if test.outcome.is_about_entry and not test.measurement}
    if gone:
        words = " or ".join(str(outcome) for outcome in Outcome if outcome in gone)
        yield f"Drop what is {words}:  memguard prune"


def _largest(tests: list[TestResult]) -> Iterator[str]:
    """Yield the largest peaks, for whoever looks at a whole suite and chooses what to mark."""
    peaks = [(test, test.verdict.metric(PEAK)) for test in tests]
    known = [(metric.measured, test.id) for test, metric in peaks if metric is not None]
    yield "Largest peaks, where a marker is worth most:"
    for peak_bytes, test_id in sorted(known, key=lambda one: (-one[0], one[1]))[:_SHOWN_LARGEST]:
        yield f"  {format_size(peak_bytes):>10}  {printable(test_id)}"
