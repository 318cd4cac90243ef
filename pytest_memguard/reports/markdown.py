"""Results as GitHub Markdown: growth first, then the table, within the size limit of the place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pytest_memguard.core.metrics import PEAK, RETAINED
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.core.units import counted, format_change
from pytest_memguard.core.verdict import MetricVerdict
from pytest_memguard.reports.rows import Row, rows, run_counts, worst_first
from pytest_memguard.reports.same_leaks import SameLeak, same_leaks
from pytest_memguard.reports.untrusted import Cell, Markup, code, fenced, prose, table_row

SUMMARY_BYTES = 1_000_000
"""GitHub drops a whole step summary over 1,048,576 bytes; this leaves room for what others append."""

COMMENT_CHARACTERS = 65_000
"""GitHub refuses a comment over 65,536 characters; this leaves room for the hidden marker."""

_NOTHING = Markup("")
_RESERVE = 2_000
_HOLDERS = 8
_SHOWN_METRICS = (PEAK, RETAINED)
_TITLES = ("test", "outcome", *(title for name in _SHOWN_METRICS for title in (name, "change")), "")


@dataclass(frozen=True, slots=True)
class MarkdownExtras:
    """What the renderer cannot know from the results alone.

    `title` distinguishes several reports on one page; `patch` is the proposed change of the
    baseline as a unified diff; `next_step` follows it, as Markdown that memguard wrote; `alert` says
    why the run as a whole cannot be relied on, and becomes the headline.
    """

    title: str = ""
    patch: str = ""
    next_step: Markup = _NOTHING
    alert: str = ""


@dataclass(frozen=True, slots=True)
class MarkdownReport:
    """The results as Markdown of at most `limit` UTF-8 bytes, so at most as many characters.

    If it does not fit, whole items are left out, the least important first, and counted. Names that
    come from the tests are shown literally, so that no markup, mention or link in them works.
    """

    limit: int = SUMMARY_BYTES
    extras: MarkdownExtras = MarkdownExtras()

    def lines(self, results: RunResults, *, width: int = 0) -> Iterator[str]:  # noqa: ARG002 - Markdown has no width
        """Yield the lines of the page."""
        yield from self.page(results).splitlines()

    def page(self, results: RunResults) -> Markup:
        """Return the whole page."""
        found = worst_first(rows(results))
        head = _head(results, self.extras)
        foot = _foot(results)
        room = self.limit - _size(head) - _size(foot) - _RESERVE
        grown = [one for one in found if one.outcome.is_growth]
        growth = _items_section("grew", grown, room, map(_same_leak, same_leaks(results)))
        room -= _size(growth)
        crept = _items_section("crept up", [one for one in found if one.outcome is Outcome.CREPT], room)
        room -= _size(crept)
        blind = _blind_section(found, room)
        room -= _size(blind)
        table = _table_section(results, found, room)
        room -= _size(table)
        parts = (head, growth, crept, blind, _patch_section(self.extras, room), table, foot)
        return Markup("\n").join(part for part in parts if part)


def _size(text: str) -> int:
    return len(text.encode()) + 1


def _head(results: RunResults, extras: MarkdownExtras) -> Markup:
    title = Markup(": {}").fill(prose(extras.title, at_most=100)) if extras.title else _NOTHING
    first = extras.alert.strip() or headline(results)
    lines = [Markup("## memguard{}\n\n**{}**\n").fill(title, first)]
    for problem in results.problems[:10]:
        fails = Markup("**Fails the run.** " if problem.fails else "")
        lines.append(Markup("> {}{}\n").fill(fails, problem.sentence))
    if results.advisory:
        lines.append(Markup("> Advisory mode: everything is reported, nothing fails.\n"))
    return Markup("\n").join(lines)


def headline(results: RunResults) -> Markup:
    """Say in one sentence how the run ended."""
    number = len(results.tests)
    if results.grown:
        return Markup(f"Memory grew in {len(results.grown):,} of {counted(number, 'guarded test')}.")
    if not results.tests:
        return Markup("No guarded test ran, so nothing was judged.")
    for outcome, sentence in _QUIET:
        found = results.counts().get(outcome, 0)
        if found:
            return Markup(sentence.format(number=counted(found, "test")))
    return Markup(f"Memory did not grow in {counted(number, 'guarded test')}.")


_QUIET = (
    (Outcome.NO_BASELINE, "Nothing is accepted for this environment yet, so {number} could not be compared."),
    (Outcome.NOT_MEASURED, "Nothing grew, and {number} could not be measured."),
    (Outcome.UNGUARDED, "Nothing grew, and {number} with an accepted entry is no longer guarded."),
    (Outcome.CREPT, "No limit was crossed, and {number} crept up in small steps."),
    (Outcome.IMPROVED, "Memory did not grow, and {number} improved: accept the better numbers to keep them."),
    (Outcome.NEW, "Memory did not grow; {number} without an accepted entry yet."),
)


def _items_section(did: str, found: Sequence[Row], room: int, said: Iterable[Markup] = ()) -> Markup:
    if not found:
        return _NOTHING
    lead = Markup("### What {}\n\n{}").fill(did, Markup("").join(said))
    items, left_out = _fitting(map(_grown_item, found), room - _size(lead))
    more = f"\n{left_out:,} more {did}; they do not fit here and are in the results file.\n"
    return Markup("").join([lead, *items, Markup(more if left_out else "")])


def _same_leak(same: SameLeak) -> Markup:
    return Markup("{}{}\n\n").fill(same.head, code(same.place) if same.place else "")


def _fitting(items: Iterable[Markup], room: int) -> tuple[list[Markup], int]:
    """Return the first items that fit into `room` bytes, and how many were left out."""
    kept: list[Markup] = []
    left_out = 0
    for item in items:
        room -= _size(item)
        if left_out or room < 0:
            left_out += 1
        else:
            kept.append(item)
    return kept, left_out


def _grown_item(one: Row) -> Markup:
    lines = [Markup("- {} **{}**: {}\n").fill(code(one.id), one.outcome, one.sentence)]
    lines += [Markup("  - {}\n").fill(text) for text in (*one.further, *one.accepted_steps)]
    for grown in one.sites:
        place = code(grown.place)
        was = f", was {grown.was}" if grown.was else ""
        by = Markup(", by {}").fill(code(f"{grown.inner.file}:{grown.inner.line}")) if grown.inner else ""
        lines.append(
            Markup("  - {} {} in {}{}{}\n").fill(grown.growth, place, code(grown.site.function), was, by)
        )
        lines += [Markup("    - {}\n").fill(code(line)) for line in grown.lines]
        if grown.met:
            lines.append(Markup("    - {}\n").fill(grown.met))
    if one.kinds:
        lines.append(Markup("  - {}\n").fill(code(one.kinds, at_most=300)))
    if one.held_by:
        holders = code(" → ".join(one.held_by[:_HOLDERS]), at_most=500)
        lines.append(Markup("  - held by {}\n").fill(holders))
    lines += [Markup("  - {}\n").fill(text) for text in one.bounds]
    if one.accepted_note:
        lines.append(Markup("  - note in the baseline: {}\n").fill(one.accepted_note))
    return Markup("").join(lines)


def _blind_section(found: Iterable[Row], room: int) -> Markup:
    """Write which entries are too noisy to guard their tests."""
    items = [Markup("- {} {}\n").fill(code(one.id), "; ".join(one.blind)) for one in found if one.blind]
    if not items:
        return _NOTHING
    lead = Markup(
        "### Too noisy to guard\n\nThe accepted samples of these tests vary by more than an eighth. Make the "
        "tests steady, or set their tolerance. Then remove the entries, and accept them again.\n\n"
    )
    kept, left_out = _fitting(items, room - _size(lead))
    more = f"\n{left_out:,} more do not fit here and are in the results file.\n" if left_out else ""
    return Markup("").join([lead, *kept, Markup(more)])


def _table_section(results: RunResults, found: Sequence[Row], room: int) -> Markup:
    if not found:
        return _NOTHING
    lead = Markup("<details><summary>All guarded tests: {}</summary>\n\n{}|---|---|{}---|\n").fill(
        run_counts(results), table_row(map(Cell, _TITLES)), Markup("---:|---:|" * len(_SHOWN_METRICS))
    )
    end = Markup("\n</details>\n")
    shown, left_out = _fitting(map(_table_row, found), room - _size(lead) - _size(end) - 100)
    if not shown:
        return _NOTHING
    more = f"\n{left_out:,} more tests do not fit here and are in the results file.\n" if left_out else ""
    return Markup("").join([lead, *shown, Markup(more), end])


def _table_row(one: Row) -> Markup:
    return table_row(
        [
            Cell(one.id, is_code=True, at_most=160),
            Cell(str(one.outcome), is_bold=one.outcome.is_growth),
            *(Cell(text) for name in _SHOWN_METRICS for text in _figures(one.metric(name))),
            _remark(one),
        ]
    )


def _figures(judged: MetricVerdict | None) -> tuple[str, str]:
    if judged is None:
        return "", ""
    measured = judged.metric.text(judged.measured)
    if judged.baseline is None:
        return measured, "new"
    if judged.measured == judged.baseline:
        return measured, "="
    share = format_change(judged.measured, judged.baseline)
    change = judged.metric.growth_text(judged.measured - judged.baseline)
    return measured, f"{change} ({share})" if share else change


def _remark(one: Row) -> Cell:
    if one.outcome.is_growth or one.outcome in (Outcome.CREPT, Outcome.NOT_MEASURED, Outcome.UNGUARDED):
        return Cell(one.sentence, at_most=160)
    return Cell(f"note: {one.accepted_note}" if one.accepted_note else "", at_most=126)


def _patch_section(extras: MarkdownExtras, room: int) -> Markup:
    if not extras.patch:
        return _NOTHING
    lead = Markup("### Accept what is intended\n\n")
    opening = "<details><summary>The proposed baseline, for <code>git apply</code></summary>"
    details = Markup("{}\n\n{}\n</details>\n").fill(Markup(opening), fenced(extras.patch, "diff"))
    next_step = Markup("{}\n\n").fill(extras.next_step) if extras.next_step else _NOTHING
    if _size(lead + next_step + details) > room:
        details = Markup(
            "The patch of the baseline does not fit here; it is in the artifact as `proposed.patch`.\n"
        )
    return Markup("").join([lead, next_step, details])


def _foot(results: RunResults) -> Markup:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(results.made_with.items()))
    facts = [Markup(run_counts(results)), code(results.environment, at_most=100)]
    facts += [prose(fact, at_most=200) for fact in (results.meter, versions) if fact]
    return Markup("\n{}\n").fill(Markup(" · ").join(facts))
