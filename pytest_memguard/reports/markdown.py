"""Results as GitHub Markdown, within GitHub's size limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pytest_memguard.core.metrics import PEAK, RETAINED
from pytest_memguard.core.units import format_change, format_size
from pytest_memguard.core.verdict import MetricVerdict, Outcome, RunResults, TestResult
from pytest_memguard.gate.wording import change_text, growth_text, quarantine_text
from pytest_memguard.reports.ranking import grown, run_counts, worst_first
from pytest_memguard.reports.untrusted import Cell, code, fenced, prose, table_row

SUMMARY_BYTES = 1_000_000
"""GitHub drops a step summary over 1,048,576 bytes whole; this leaves room for what others append."""

COMMENT_CHARACTERS = 65_000
"""GitHub refuses a comment over 65,536 characters; this leaves room for the hidden marker."""

_RESERVE = 2_000
_HOLDERS = 8
_SHOWN_METRICS = (PEAK, RETAINED)
_TITLES = ("test", "outcome", *(title for name in _SHOWN_METRICS for title in (name, "change")), "")


@dataclass(frozen=True, slots=True)
class MarkdownExtras:
    """What the renderer cannot know from the results alone.

    `title` tells several reports on one page apart; `patch` is the proposed change of the
    baseline as a unified diff; `next_step` is said after it, in Markdown of our own; `alert` says
    why the run as a whole cannot be relied on, and is then the headline.
    """

    title: str = ""
    patch: str = ""
    next_step: str = ""
    alert: str = ""


def markdown_report(
    results: RunResults, *, limit: int = SUMMARY_BYTES, extras: MarkdownExtras | None = None
) -> str:
    """Return the report as Markdown of at most `limit` UTF-8 bytes (so at most as many characters).

    What does not fit is left out by whole items, least important first, and counted. Every
    name that comes from the tests is shown literally: no markup, mention or link of theirs works.
    """
    extras = extras or MarkdownExtras()
    head = _head(results, extras)
    foot = _foot(results)
    room = limit - _size(head) - _size(foot) - _RESERVE
    growth = _growth_section(results, room)
    room -= _size(growth)
    table = _table_section(results, room)
    room -= _size(table)
    return "\n".join(part for part in (head, growth, _patch_section(extras, room), table, foot) if part)


def _size(text: str) -> int:
    return len(text.encode()) + 1


def _head(results: RunResults, extras: MarkdownExtras) -> str:
    title = f": {prose(extras.title, at_most=100)}" if extras.title else ""
    first = prose(extras.alert) if extras.alert else headline(results)
    lines = [f"## memguard{title}", "", f"**{first}**", ""]
    lines.extend(
        f"> {'**Fails the run.** ' if problem.fails else ''}{prose(problem.sentence)}\n"
        for problem in results.problems[:10]
    )
    if results.advisory:
        lines.append("> Advisory mode: everything is reported, nothing fails.\n")
    return "\n".join(lines)


def headline(results: RunResults) -> str:
    """Say in one sentence how the run ended; safe to show as Markdown."""
    bad = grown(results)
    if bad:
        noun = "test" if len(results.tests) == 1 else "tests"
        return f"Memory grew in {len(bad):,} of {len(results.tests):,} guarded {noun}."
    if not results.tests:
        return "No guarded test ran, so nothing was judged."
    for outcome, sentence in _QUIET:
        number = sum(test.outcome is outcome for test in results.tests)
        if number:
            return sentence.format(number=f"{number:,} test{'' if number == 1 else 's'}")
    return f"Memory did not grow in {len(results.tests):,} guarded test{'s' * (len(results.tests) != 1)}."


_QUIET = (
    (Outcome.NO_BASELINE, "Nothing is accepted for this environment yet, so {number} could not be compared."),
    (Outcome.NOT_MEASURED, "Nothing grew, and {number} could not be measured."),
    (Outcome.IMPROVED, "Memory did not grow, and {number} improved: accept the better numbers to keep them."),
    (Outcome.NEW, "Memory did not grow; {number} without an accepted entry yet."),
)


def _growth_section(results: RunResults, room: int) -> str:
    bad = grown(results)
    if not bad:
        return ""
    lead = "### What grew\n\n"
    items, left_out = _fitting((_grown_item(test) for test in bad), room - _size(lead))
    more = (
        f"\n{left_out:,} more grew; they do not fit here and are in the results file.\n" if left_out else ""
    )
    return f"{lead}{''.join(items)}{more}"


def _fitting(items: Iterable[str], room: int) -> tuple[list[str], int]:
    """Return the first items that fit into `room` bytes, and how many were left out."""
    kept: list[str] = []
    left_out = 0
    for item in items:
        room -= _size(item)
        if left_out or room < 0:
            left_out += 1
        else:
            kept.append(item)
    return kept, left_out


def _grown_item(test: TestResult) -> str:
    lines = [f"- {code(test.id)} **{test.outcome}**: {_sentence(test)}"]
    for site in test.verdict.sites:
        place = code(f"{site.site.file}:{site.site.line}")
        was = f", was {format_size(site.was_bytes)}" if site.was_bytes is not None else ""
        lines.append(f"  - {growth_text(site)} {place} in {code(site.site.function)}{was}")
        if site.inner is not None:
            lines[-1] += f", by {code(f'{site.inner.file}:{site.inner.line}')}"
    leak = test.measurement.leak if test.measurement else None
    if leak is not None and leak.held_by and test.outcome is Outcome.LEAKED:
        lines.append(f"  - held by {code(' → '.join(leak.held_by[:_HOLDERS]), at_most=500)}")
    if test.verdict.quarantine is not None:
        lines.append(f"  - {quarantine_text(test.verdict)}")
    if test.note:
        lines.append(f"  - note in the baseline: {prose(test.note)}")
    return "\n".join(lines) + "\n"


def _sentence(test: TestResult) -> str:
    metric = test.verdict.deciding
    if test.outcome is Outcome.GREW and metric is not None:
        return f"{metric.name} {change_text(metric)}"
    return prose(test.verdict.reason)


def _table_section(results: RunResults, room: int) -> str:
    if not results.tests:
        return ""
    lead = (
        f"<details><summary>All guarded tests: {run_counts(results)}</summary>\n\n"
        f"{table_row(map(Cell, _TITLES))}"
        f"|---|---|{'---:|---:|' * len(_SHOWN_METRICS)}---|\n"
    )
    end = "\n</details>\n"
    rows, left_out = _fitting(map(_row, worst_first(results.tests)), room - _size(lead) - _size(end) - 100)
    if not rows:
        return ""
    more = f"\n{left_out:,} more tests do not fit here and are in the results file.\n" if left_out else ""
    return f"{lead}{''.join(rows)}{more}{end}"


def _row(test: TestResult) -> str:
    return table_row(
        [
            Cell(test.id, is_code=True, at_most=160),
            Cell(str(test.outcome), is_bold=test.outcome.is_growth),
            *(Cell(text) for name in _SHOWN_METRICS for text in _figures(test.verdict.metric(name))),
            _remark(test),
        ]
    )


def _figures(metric: MetricVerdict | None) -> tuple[str, str]:
    if metric is None:
        return "", ""
    measured = metric.metric.text(metric.measured)
    if metric.baseline is None:
        return measured, "new"
    if metric.measured == metric.baseline:
        return measured, "="
    difference = metric.measured - metric.baseline
    share = format_change(metric.measured, metric.baseline)
    change = metric.metric.growth_text(difference)
    return measured, f"{change} ({share})" if share else change


def _remark(test: TestResult) -> Cell:
    if test.outcome.is_growth or test.outcome in (Outcome.NOT_MEASURED, Outcome.UNGUARDED):
        return Cell(test.verdict.reason, at_most=160)
    return Cell(f"note: {test.note}" if test.note else "", at_most=126)


def _patch_section(extras: MarkdownExtras, room: int) -> str:
    if not extras.patch:
        return ""
    lead = "### Accept what is intended\n\n"
    block = fenced(extras.patch, "diff")
    opening = "<details><summary>The proposed baseline, for <code>git apply</code></summary>"
    details = f"{opening}\n\n{block}\n</details>\n"
    next_step = f"{extras.next_step}\n\n" if extras.next_step else ""
    if _size(lead + next_step + details) > room:
        details = "The patch of the baseline does not fit here; it is in the artifact as `proposed.patch`.\n"
    return f"{lead}{next_step}{details}"


def _foot(results: RunResults) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(results.made_with.items()))
    facts = [run_counts(results), code(results.environment, at_most=100)]
    facts += [prose(fact, at_most=200) for fact in (results.meter, versions) if fact]
    return "\n" + " · ".join(facts) + "\n"


def markdown_lines(results: RunResults) -> Iterator[str]:
    """Yield the lines of the report, as `memguard summary --format markdown` prints them."""
    yield from markdown_report(results).splitlines()
