"""The report of a run as lines of text, for terminals and plain logs."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from pytest_memguard.core.metrics import PEAK
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults, TestResult, meter_name
from pytest_memguard.core.units import counted, format_size
from pytest_memguard.gate.judge import is_slack
from pytest_memguard.gate.wording import WAYS_OUT
from pytest_memguard.reports.bars import CELLS, PLAIN_BARS, growth_bar, in_short
from pytest_memguard.reports.known_leaks import known_leak_lines
from pytest_memguard.reports.rows import Row, SiteRow, count_text, row, rows
from pytest_memguard.reports.same_leaks import same_leaks
from pytest_memguard.reports.styled import Line, Piece, Style, line, style_of
from pytest_memguard.reports.untrusted import shortened

SHOWN_ACCEPTS = 3
_SHORT_LIST = 10
_SHOWN_LARGEST = 5
_INDENT = " " * 16
_SENTENCE = 600
_NARROWEST = 40
_SHORTEST_NAME = 12


@dataclass(frozen=True, slots=True)
class TextReport:
    """The results as lines for a terminal.

    With `verbose` nothing is left out; with `accepting` nothing is advised, since the run accepts.
    `shown` are tests that were described before, so that a line with a bar is enough; `bars` are the
    characters of the bar for the accepted and the added memory.
    """

    verbose: bool = False
    accepting: bool = False
    shown: frozenset[str] = frozenset()
    bars: tuple[str, str] = PLAIN_BARS

    def lines(self, results: RunResults, *, width: int = 80) -> Iterator[str]:
        r"""Yield the failures by module first, then the counts and what to do.

        tests/test_cache.py
          grew      test_lookup[1000]   peak 48.2 MiB, was 31.0 MiB (+55.5%, limit 31.3 MiB)
                      +16.9 MiB  shop/cache.py:41 in put  (was 2.0 MiB)
        1 grew, 40 ok  (memray, cpython-3.11-linux-x86_64)
        Accept what is intended:  memguard accept 'tests/test_cache.py::test_lookup[1000]'
        """
        return (one.text for one in self.styled(results, width=width))

    def styled(self, results: RunResults, *, width: int = 80) -> Iterator[Line]:
        """Yield the lines with their styles; only a word or a command may be wider than `width`."""
        for one in self._lines(results, max(width, _NARROWEST)):
            yield from one.wrapped(max(width, _NARROWEST))

    def _lines(self, results: RunResults, width: int) -> Iterator[Line]:
        every = rows(results)
        shown = [one for one in every if one.needs_a_look]
        others = [one for one in every if not one.needs_a_look]
        for module, found in groupby(shown, key=lambda one: one.module):
            yield line(Piece(shortened(module), Style.STRONG))
            yield from self._module_lines(list(found), width)
        for outcome in Outcome:
            yield from self._short_list(outcome, [one for one in others if one.outcome is outcome])
        yield from self._bounded(others)
        if self.verbose:
            yield from _first_costs(every)
        yield from _remarks(others)
        yield from _blind(every)
        yield from (line(f"{same.head}{shortened(same.place)}", hang=2) for same in same_leaks(results))
        yield from (line(text, hang=4) for text in known_leak_lines(results, verbose=self.verbose))
        for problem in results.problems:
            kind = Piece("FAILED:", Style.BAD) if problem.fails else Piece("warning:", Style.DOUBTFUL)
            yield line(kind, f" {shortened(problem.sentence, _SENTENCE)}", hang=2)
        yield _counts_line(results)
        if not self.accepting:
            yield from _next_steps(results)

    def _module_lines(self, found: Sequence[Row], width: int) -> Iterator[Line]:
        shown = [one for one in found if one.id in self.shown]
        figures = max((len(in_short(one)) for one in shown if one.outcome.is_growth), default=0)
        room = width - len(_INDENT) - 2 - figures
        has_bars = room - CELLS - 2 >= _SHORTEST_NAME
        longest = max(_SHORTEST_NAME, room - CELLS - 2 if has_bars else room)
        name_width = max((len(shortened(one.name, longest)) for one in shown), default=0)
        for one in found:
            if one.id in self.shown:
                yield self._shown_line(one, name_width, width, has_bar=has_bars)
            else:
                yield _head(one, name_width)
                yield from _details(one, len(_INDENT))

    def _shown_line(self, one: Row, name_width: int, width: int, *, has_bar: bool) -> Line:
        """Write the added memory on one line; the full name and the rest were written before."""
        outcome = Piece(f"{one.outcome!s:<12}  ", style_of(one.outcome))
        name = Piece(f"{shortened(one.name, name_width):<{name_width}}  ", Style.STRONG)
        if not one.outcome.is_growth:
            room = width - len(_INDENT) - name_width - 2
            return line("  ", outcome, name, textwrap.shorten(one.sentence, room, placeholder=" …"))
        accepted, more = growth_bar(one.metrics, one.outcome, self.bars)
        space = " " * (CELLS - len(accepted + more) + 2)
        bar = (accepted, Piece(more, Style.BAD), space) if has_bar else ()
        return line("  ", outcome, name, *bar, in_short(one), hang=len(_INDENT))

    def _short_list(self, outcome: Outcome, found: Sequence[Row]) -> Iterator[Line]:
        """Yield the tests that need attention and fail nothing, one on each line."""
        if outcome is Outcome.OK or (outcome.is_new and not self.verbose):
            return
        if outcome is Outcome.NOT_MEASURED and not self.verbose:
            yield from _reasons(found)
            return
        lines = [
            replace(
                _listed(str(outcome), shortened(one.id), f"  {_said_of(one)}", outcome),
                command="".join(one.hints[:1]),
            )
            for one in found
        ]
        yield from self._limited(lines, str(outcome), outcome)

    def _bounded(self, found: Iterable[Row]) -> Iterator[Line]:
        """Yield the bounded containers that will settle when they are full, unless that is accepted."""
        lines = [
            _listed("bounded", shortened(one.id), f"  {shortened(bound)}")
            for one in found
            if self.verbose or one.outcome is not Outcome.OK
            for bound in one.bounds
        ]
        yield from self._limited(lines, "bounded")

    def _limited(self, lines: Sequence[Line], word: str, outcome: Outcome | None = None) -> Iterator[Line]:
        limit = len(lines) if self.verbose else _SHORT_LIST
        yield from lines[:limit]
        if len(lines) > limit:
            yield _listed(word, f"and {len(lines) - limit} more; -v lists them", "", outcome)


def failure_lines(test: TestResult, region: str = "", *, width: int = 80) -> Iterator[str]:
    """Yield the failure of a test or a region: the numbers, the sites, and how to accept them."""
    return (one.text for one in failure_styled(test, region, width=width))


def failure_message(test: TestResult, region: str) -> str:
    """Return the first sentence of a failure, which pytest's summary shows after the test's id, shortened."""
    return _failure_head(row(test), region).text


def failure_styled(test: TestResult, region: str, *, width: int) -> Iterator[Line]:
    """Yield the lines of a failure with their styles."""
    for one in _failure_lines(row(test), region):
        yield from one.wrapped(max(width, _NARROWEST))


def _failure_head(one: Row, region: str) -> Line:
    name = f"{shortened(region)} " if region else ""
    outcome = Piece(str(one.outcome), style_of(one.outcome))
    return line(f"memguard: {name}", outcome, f": {shortened(one.sentence, _SENTENCE)}", hang=4)


def _failure_lines(one: Row, region: str) -> Iterator[Line]:
    yield _failure_head(one, region)
    yield from _details(one, 2)
    if one.accepted_note:
        yield line(f"  accepted with the note: {shortened(one.accepted_note)}", hang=4)
    if one.outcome in WAYS_OUT:
        yield line(f"  {WAYS_OUT[one.outcome]}", hang=4)
    elif not one.outcome.is_about_entry:  # their reason says what to do
        yield line("  If this is intended:", command=f"memguard accept {shlex.quote(one.id)}", apart=" ")


def _head(one: Row, name_width: int = 0) -> Line:
    outcome = Piece(f"{one.outcome!s:<14}", style_of(one.outcome))
    name = Piece(shortened(one.name), Style.STRONG)
    space = " " * max(name_width + 2 - len(name.text), 2)
    return line("  ", outcome, name, f"{space}{_said_of(one)}", hang=len(_INDENT) + 2)


def _said_of(one: Row) -> str:
    """Return what is said of a result; its remedy ends the report, once for all results."""
    return shortened(one.reason, _SENTENCE)


def _listed(word: str, name: str, text: str, outcome: Outcome | None = None) -> Line:
    """Make a line of a list: a word, a test, and a text about it."""
    style = Style.PLAIN if outcome is None else style_of(outcome)
    return line(Piece(f"{word:<14}", style), name, text, hang=14)


def _details(one: Row, indent: int) -> Iterator[Line]:
    blank, hang = " " * indent, indent + 4
    yield from (line(f"{blank}{shortened(text, _SENTENCE)}", hang=hang) for text in one.further)
    yield from (line(f"{blank}{shortened(text)}", hang=hang) for text in one.accepted_steps)
    for grown in one.sites:
        yield _site_line(grown, blank)
        yield from (line(f"{blank}             {text}", hang=hang + 11) for text in grown.lines)
        if grown.inner is not None:
            inner = grown.inner
            place = f"in {shortened(inner.file)}:{inner.line} {shortened(inner.function)}"
            yield line(f"{blank}             {place}", hang=hang + 11)
        if grown.met:
            yield line(f"{blank}             {shortened(grown.met, 500)}", hang=hang + 11)
    if one.kinds:
        yield line(f"{blank}{shortened(one.kinds)}", hang=hang)
    yield from (line(f"{blank}held by {shortened(holder)}", hang=hang) for holder in one.held_by)
    yield from (line(f"{blank}{shortened(text)}", hang=hang) for text in one.bounds)
    yield from (line(f"{blank}note: {shortened(text, _SENTENCE)}", hang=hang) for text in one.remarks)
    yield from (line(blank, command=text, apart="") for text in one.hints)


def _site_line(grown: SiteRow, blank: str) -> Line:
    """Write a site with what it gained, as in `+16.9 MiB  shop/cache.py:41 in put  (was 2.0 MiB)`."""
    was = f"  (was {grown.was})" if grown.was else ""
    place = f"  {shortened(grown.place)} in {shortened(grown.site.function)}{was}"
    return line(blank, Piece(grown.growth, Style.BAD), place, hang=len(blank) + 4)


def _counts_line(results: RunResults) -> Line:
    """Write how many tests have each outcome, and what measured them."""
    advisory = ", advisory: nothing fails" if results.advisory else ""
    parts: list[str | Piece] = []
    for outcome, number in results.counts().items():
        parts += [", "] if parts else []
        parts.append(Piece(f"{number:,} {outcome}", style_of(outcome)))
    parts = parts or [count_text({})]
    quarantined = len(results.quarantined)
    parts += [f"; {quarantined:,} quarantined"] if quarantined else []
    return line(*parts, f"  ({meter_name(results.meter)}, {results.environment}{advisory})", hang=2)


def _reasons(found: Iterable[Row]) -> Iterator[Line]:
    """Yield the reasons why tests were not measured, each once, with its tests."""
    for tests, reason in _by_sentence((one.sentence, one.id) for one in found):
        yield _listed("not-measured", tests, f": {reason}", Outcome.NOT_MEASURED)


def _remarks(found: Iterable[Row]) -> Iterator[Line]:
    """Yield the notes of tests that are not shown, each sentence once, with its tests."""
    for tests, remark in _by_sentence((remark, one.id) for one in found for remark in one.remarks):
        yield line(f"note  {tests}: {remark}", hang=6)


def _by_sentence(said: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the tests that a sentence is about, and the sentence; those of most tests first."""
    ids: dict[str, list[str]] = {}
    for sentence, test_id in said:
        ids.setdefault(sentence, []).append(test_id)
    for sentence, named in sorted(ids.items(), key=lambda item: -len(item[1]))[:_SHORT_LIST]:
        yield _named(named), shortened(sentence, _SENTENCE)


def _blind(found: Iterable[Row]) -> Iterator[Line]:
    """Yield the tests whose entries are too noisy to guard them, and what to do."""
    blind = [one for one in found if one.blind]
    if not blind:
        return
    entries = counted(len(blind), "entry tolerates", "entries tolerate")
    varying = " too much, since the samples that were accepted vary by more than an eighth:"
    yield line(Piece("blind:", Style.DOUBTFUL), f" {entries}{varying}", hang=2)
    for one in blind[:_SHORT_LIST]:
        yield from (line(f"  {shortened(one.id)}  {text}", hang=6) for text in one.blind)
    if len(blind) > _SHORT_LIST:
        yield line(f"  and {len(blind) - _SHORT_LIST} more")
    yield line(
        "  Make the test steady, or set its tolerance. Then remove the entry, and accept it again:", hang=2
    )
    yield line(command=f"memguard prune {shlex.quote(blind[0].id)} && pytest --memguard-accept")


def _named(ids: Sequence[str]) -> str:
    """Name the tests that a sentence is about: the only one, or their number and the first."""
    if len(ids) == 1:
        return shortened(ids[0])
    return f"{len(ids):,} tests ({shortened(ids[0])}, …)"


def _first_costs(found: Iterable[Row]) -> Iterator[Line]:
    """Yield what first samples need above the floor, for imports and tables that are built once."""
    for one in found:
        for cost in one.first_costs:
            yield _listed("first sample", shortened(one.id), f"  {cost} above the floor")


def _next_steps(results: RunResults) -> Iterator[Line]:
    grown = [test for test in results.tests if test.outcome in (Outcome.GREW, Outcome.LEAKED)]
    improved = [test for test in results.tests if test.outcome is Outcome.IMPROVED]
    fresh = [test for test in results.tests if test.outcome.is_new]
    if grown:
        yield from _accept_growth(grown)
    if improved:
        slack = sum(any(is_slack(metric) for metric in test.verdict.metrics) for test in improved)
        hidden = f" ({slack} with slack that would hide growth)" if slack else ""
        yield line(f"Lock improvements in{hidden}:", command="memguard accept")
    if len(fresh) > _SHORT_LIST:
        yield from _largest(fresh)
    if fresh and not grown:
        yield line("Accept what is new:", command="memguard accept")
    gone = {test.outcome for test in results.tests if test.outcome.is_about_entry and not test.measurement}
    if gone:
        words = " or ".join(str(outcome) for outcome in Outcome if outcome in gone)
        yield line(f"Drop what is {words}:", command="memguard prune")


def _accept_growth(grown: Sequence[TestResult]) -> Iterator[Line]:
    ids = " ".join(shlex.quote(test.id) for test in grown[:SHOWN_ACCEPTS])
    yield line("Accept what is intended:", command=f"memguard accept {ids}")
    if len(grown) > SHOWN_ACCEPTS:
        yield line(f"  and {len(grown) - SHOWN_ACCEPTS} more; memguard accept takes all that changed")


def _largest(tests: list[TestResult]) -> Iterator[Line]:
    """Yield the largest peaks, which help to choose the tests to mark in a whole suite."""
    peaks = [(test, test.verdict.metric(PEAK)) for test in tests]
    known = [(metric.measured, test.id) for test, metric in peaks if metric is not None]
    yield line("Largest peaks, where a marker is worth most:")
    for peak_bytes, test_id in sorted(known, key=lambda one: (-one[0], one[1]))[:_SHOWN_LARGEST]:
        yield line(f"  {format_size(peak_bytes):>10}  {shortened(test_id)}", hang=14)
