"""The report of a run as lines of text, for terminals and plain logs."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from pytest_memguard.core.metrics import PEAK
from pytest_memguard.core.units import format_size
from pytest_memguard.core.verdict import Outcome, RunResults, TestResult, meter_name
from pytest_memguard.gate.judge import is_slack
from pytest_memguard.reports.known_leaks import known_leak_lines
from pytest_memguard.reports.rows import Row, SiteRow, row, rows, run_counts
from pytest_memguard.reports.same_leaks import same_leaks
from pytest_memguard.reports.untrusted import shortened, terminal_line

SHOWN_ACCEPTS = 3
_SHORT_LIST = 10
_SHOWN_LARGEST = 5
_INDENT = " " * 16
_SENTENCE = 600


@dataclass(frozen=True, slots=True)
class TextReport:
    """The results as lines for a terminal.

    With `verbose` nothing is left out; with `accepting` nothing is advised, since the run accepts.
    """

    verbose: bool = False
    accepting: bool = False

    def lines(self, results: RunResults, *, width: int = 80) -> Iterator[str]:
        r"""Yield what failed first by module, then the counts and what to do.

        tests/test_cache.py
          grew      test_lookup[1000]   peak 48.2 MiB, was 31.0 MiB (+55.5%, limit 31.3 MiB)
                      +16.9 MiB  shop/cache.py:41 in put  (was 2.0 MiB)
        1 grew, 40 ok  (memray, cpython-3.11-linux-x86_64)
        Accept what is intended:  memguard accept 'tests/test_cache.py::test_lookup[1000]'
        """
        return map(terminal_line, self._lines(results, width))

    def _lines(self, results: RunResults, width: int) -> Iterator[str]:
        every = rows(results)
        shown = [one for one in every if one.needs_a_look]
        others = [one for one in every if not one.needs_a_look]
        for module, found in groupby(shown, key=lambda one: one.module):
            yield shortened(module)
            for one in found:
                yield from _row_lines(one)
        for outcome in Outcome:
            yield from self._short_list(outcome, [one for one in others if one.outcome is outcome], width)
        yield from self._bounded(others)
        if self.verbose:
            yield from _first_costs(every)
        yield from _remarks(others)
        yield from _blind(every)
        yield from (f"{same.head}{shortened(same.place)}" for same in same_leaks(results))
        yield from known_leak_lines(results, verbose=self.verbose)
        for problem in results.problems:
            yield from textwrap.wrap(
                f"{'FAILED: ' if problem.fails else 'warning: '}{shortened(problem.sentence)}",
                max(width, 40),
                subsequent_indent="  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        yield _counts_line(results)
        if not self.accepting:
            yield from _next_steps(results)

    def _short_list(self, outcome: Outcome, found: Sequence[Row], width: int) -> Iterator[str]:
        """Yield the tests that need a look and fail nothing, a line each."""
        if outcome is Outcome.OK or (outcome.is_new and not self.verbose):
            return
        if outcome is Outcome.NOT_MEASURED and not self.verbose:
            yield from _reasons(found)
            return
        limit = len(found) if self.verbose else _SHORT_LIST
        for one in found[:limit]:
            reason = textwrap.shorten(one.sentence, max(width, 80), placeholder=" …")
            yield f"{outcome!s:<14}{shortened(one.id)}  {reason}"
        if len(found) > limit:
            yield f"{outcome!s:<14}and {len(found) - limit} more; -v lists them"

    def _bounded(self, found: Iterable[Row]) -> Iterator[str]:
        """Yield what will settle when it is full, where that is not accepted yet."""
        lines = [
            f"bounded       {shortened(one.id)}  {bound}"
            for one in found
            if self.verbose or one.outcome is not Outcome.OK
            for bound in one.bounds
        ]
        limit = len(lines) if self.verbose else _SHORT_LIST
        yield from lines[:limit]
        if len(lines) > limit:
            yield f"bounded       and {len(lines) - limit} more; -v lists them"


def failure_lines(test: TestResult, region: str = "") -> Iterator[str]:
    """Yield what a failing test, or a region of it, says: the numbers, the sites, and how to accept them.

    The first line is short, since pytest's summary cuts it, and shows the test's id before it.
    """
    return map(terminal_line, _failure_lines(row(test), region))


def _failure_lines(one: Row, region: str) -> Iterator[str]:
    name = f"{shortened(region)} " if region else ""
    yield f"memguard: {name}{one.outcome}: {shortened(one.sentence, _SENTENCE)}"
    yield from (f"  {line}" for line in _details(one))
    if one.accepted_note:
        yield f"  accepted with the note: {shortened(one.accepted_note)}"
    if one.outcome is Outcome.OVER_LIMIT:
        yield "  The limit is the test's own: use less memory, or raise it where it is written."
    elif one.outcome is Outcome.NOT_MEASURED:
        yield "  It fails in CI, since the test asks for a check. Mend what is in its way, or set fail_on."
    elif not one.outcome.is_about_entry:  # their reason says what to do
        yield f"  If this is intended: memguard accept {shlex.quote(one.id)}"


def _row_lines(one: Row) -> Iterator[str]:
    yield f"  {one.outcome!s:<12}{shortened(one.name)}   {shortened(one.sentence, _SENTENCE)}"
    yield from (f"{_INDENT}{line}" for line in _details(one))


def _details(one: Row) -> Iterator[str]:
    yield from (shortened(text, _SENTENCE) for text in one.further)
    yield from map(shortened, one.accepted_steps)
    for grown in one.sites:
        yield _site_line(grown)
        yield from (f"             {line}" for line in grown.lines)
        if grown.inner is not None:
            inner = grown.inner
            yield f"             in {shortened(inner.file)}:{inner.line} {shortened(inner.function)}"
        if grown.met:
            yield f"             {shortened(grown.met, 500)}"
    if one.kinds:
        yield shortened(one.kinds)
    yield from (f"held by {shortened(holder)}" for holder in one.held_by)
    yield from map(shortened, one.bounds)
    yield from (f"note: {shortened(remark, _SENTENCE)}" for remark in one.remarks)
    yield from one.hints


def _site_line(grown: SiteRow) -> str:
    """Write a site with what it gained, as in `+16.9 MiB  shop/cache.py:41 in put  (was 2.0 MiB)`."""
    was = f"  (was {grown.was})" if grown.was else ""
    return f"{grown.growth}  {shortened(grown.place)} in {shortened(grown.site.function)}{was}"


def _counts_line(results: RunResults) -> str:
    """Write how many tests ended how, and what measured them."""
    advisory = ", advisory: nothing fails" if results.advisory else ""
    measured = f"{meter_name(results.meter)}, {results.environment}{advisory}"
    return f"{run_counts(results)}  ({measured})"


def _reasons(found: Iterable[Row]) -> Iterator[str]:
    """Yield the reasons of tests that were not measured, each once with its tests."""
    by_reason: dict[str, list[str]] = {}
    for one in found:
        by_reason.setdefault(one.sentence, []).append(one.id)
    for reason, ids in sorted(by_reason.items(), key=lambda item: -len(item[1]))[:_SHORT_LIST]:
        yield f"not-measured  {_named(ids)}: {reason}"


def _remarks(found: Iterable[Row]) -> Iterator[str]:
    """Yield what is to be known of tests that are not shown, each sentence once with its tests."""
    by_remark: dict[str, list[str]] = {}
    for one in found:
        for remark in one.remarks:
            by_remark.setdefault(remark, []).append(one.id)
    for remark, ids in sorted(by_remark.items(), key=lambda item: -len(item[1]))[:_SHORT_LIST]:
        yield f"note  {_named(ids)}: {remark}"


def _blind(found: Iterable[Row]) -> Iterator[str]:
    """Yield the tests whose entries are too noisy to guard them, and what to do."""
    blind = [one for one in found if one.blind]
    if not blind:
        return
    entries = "1 entry tolerates" if len(blind) == 1 else f"{len(blind):,} entries tolerate"
    yield f"blind: {entries} too much, since the samples that were accepted vary by more than an eighth:"
    for one in blind[:_SHORT_LIST]:
        yield from (f"  {shortened(one.id)}  {text}" for text in one.blind)
    if len(blind) > _SHORT_LIST:
        yield f"  and {len(blind) - _SHORT_LIST} more"
    yield "  Make the test steady, or set its tolerance. Then remove the entry, and accept it again:"
    yield f"  memguard prune {shlex.quote(blind[0].id)} && pytest --memguard-accept"


def _named(ids: Sequence[str]) -> str:
    """Name the tests that a sentence is about: the one, or their number and the first."""
    if len(ids) == 1:
        return shortened(ids[0])
    return f"{len(ids):,} tests ({shortened(ids[0])}, …)"


def _first_costs(found: Iterable[Row]) -> Iterator[str]:
    """Yield what first samples cost above the floor: imports and tables that are built once."""
    for one in found:
        for cost in one.first_costs:
            yield f"first sample  {shortened(one.id)}  {cost} above the floor"


def _next_steps(results: RunResults) -> Iterator[str]:
    grown = [test for test in results.tests if test.outcome in (Outcome.GREW, Outcome.LEAKED)]
    improved = [test for test in results.tests if test.outcome is Outcome.IMPROVED]
    fresh = [test for test in results.tests if test.outcome.is_new]
    if grown:
        ids = " ".join(shlex.quote(test.id) for test in grown[:SHOWN_ACCEPTS])
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
        yield f"  {format_size(peak_bytes):>10}  {shortened(test_id)}"
