"""The content that all reports share: a row for each test, with its texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_memguard.core.node_ids import split_id
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults, TestResult
from pytest_memguard.core.sites import Site
from pytest_memguard.core.units import format_growth, format_size
from pytest_memguard.core.verdict import GrownSite, MetricVerdict
from pytest_memguard.gate.wording import (
    REMEDIES,
    bound_text,
    creep_step_texts,
    creep_text,
    growth_text,
    kinds_text,
    met_text,
    metric_text,
    noise_text,
    quarantine_text,
)


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A place that grew: what it gained, what it held before if that is known, and lines that may be it.

    `met` says between which lines the threads stood that allocated it.
    """

    growth: str
    site: Site
    was: str = ""
    inner: Site | None = None
    lines: tuple[str, ...] = ()
    met: str = ""

    @property
    def place(self) -> str:
        """The file and the line that grew, or the file alone if it may be any of several lines."""
        return self.site.file if self.lines else f"{self.site.file}:{self.site.line}"


@dataclass(frozen=True, slots=True)
class Row:
    """One result, as every report shows it.

    The texts contain names and messages from the tests, so a renderer must escape them.
    `remedy` is what to do about the reason.
    `further` says which other metrics grew. `held_by` is the chain of holders of a leak, outermost
    first, and `kinds` are the types of what piles up. `bounds` say at what a bounded container will settle.
    `remarks` are the notes of the measurement, `accepted_note` is the note of the entry. `blind` names the
    metrics whose entry is too noisy to guard anything, `accepted_steps` the commits in which a metric
    crept up. `line` is where the test stands in its file, 0 if that is not known.
    """

    id: str
    outcome: Outcome
    fails: bool
    reason: str
    remedy: str = ""
    metrics: tuple[MetricVerdict, ...] = ()
    further: tuple[str, ...] = ()
    sites: tuple[SiteRow, ...] = ()
    held_by: tuple[str, ...] = ()
    kinds: str = ""
    bounds: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    first_costs: tuple[str, ...] = ()
    accepted_note: str = ""
    blind: tuple[str, ...] = ()
    accepted_steps: tuple[str, ...] = ()
    line: int = 0

    @property
    def module(self) -> str:
        """The file of the test."""
        return split_id(self.id)[0]

    @property
    def name(self) -> str:
        """The id within the file."""
        return self.id.split("::", 1)[-1]

    @property
    def needs_a_look(self) -> bool:
        """Whether all of it is shown: growth, and any other failure with a reason."""
        return self.outcome.is_growth or self.outcome is Outcome.CREPT or (self.fails and bool(self.reason))

    @property
    def sentence(self) -> str:
        """The reason, and what to do about it."""
        return f"{self.reason}. {self.remedy}" if self.remedy else self.reason

    def metric(self, name: str) -> MetricVerdict | None:
        """Return the verdict on one metric, if it was judged."""
        return next((metric for metric in self.metrics if metric.name == name), None)


def row(test: TestResult) -> Row:
    """Return the row of one result."""
    verdict, measurement, leak = test.verdict, test.measurement, test.leak
    named = verdict.deciding
    others = [judged for judged in verdict.metrics if judged.outcome.is_growth and judged is not named]
    quarantined = quarantine_text(verdict)
    crept = creep_text(verdict.creep) if verdict.creep and test.outcome is not Outcome.CREPT else ""
    return Row(
        id=test.id,
        outcome=test.outcome,
        fails=test.fails,
        line=test.line,
        reason=verdict.reason,
        remedy=REMEDIES.get(test.outcome, ""),
        metrics=verdict.told,
        further=(*map(metric_text, others), *(text for text in (crept, quarantined) if text)),
        sites=tuple(map(_site_row, verdict.sites)),
        held_by=leak.held_by if leak is not None and test.outcome.is_growth else (),
        kinds=kinds_text(leak.kinds) if leak is not None and test.outcome is Outcome.LEAKED else "",
        bounds=tuple(f"{bound.holder} {bound_text(bound)}" for bound in leak.bounds) if leak else (),
        remarks=measurement.notes if measurement else (),
        hints=test.hints,
        first_costs=_first_costs(test),
        accepted_note=test.note,
        accepted_steps=creep_step_texts(verdict.creep) if verdict.creep else (),
        blind=tuple(f"{judged.name} {noise_text(judged)}" for judged in verdict.metrics if judged.noise),
    )


def _site_row(grown: GrownSite) -> SiteRow:
    was = format_size(grown.was_bytes) if grown.was_bytes is not None else ""
    lines = tuple(
        f"{format_size(each.size_bytes)}  line {each.line}{f': {each.text}' if each.text else ''}"
        for each in grown.lines
    )
    return SiteRow(growth_text(grown), grown.site, was, grown.inner, lines, met_text(grown))


def _first_costs(test: TestResult) -> tuple[str, ...]:
    costs = test.measurement.first_cost if test.measurement else {}
    return tuple(f"{name} {format_growth(size_bytes)}" for name, size_bytes in costs.items())


def rows(results: RunResults) -> list[Row]:
    """Return a row for each result, in the order of the results."""
    return [row(test) for test in results.tests]


def worst_first(found: Iterable[Row]) -> list[Row]:
    """Sort rows by outcome, then by the bytes they grew by, then by name."""
    return sorted(found, key=lambda one: (one.outcome.rank, -growth_bytes(one.metrics), one.id))


def growth_bytes(metrics: Iterable[MetricVerdict]) -> int:
    """Return by how many bytes a test's worst metric exceeds what was accepted or allowed."""
    return max(
        (
            metric.measured - _accepted(metric)
            for metric in metrics
            if metric.outcome.is_growth and not metric.metric.is_count
        ),
        default=0,
    )


def growth_share(metrics: Iterable[MetricVerdict]) -> float:
    """Return the largest growth of a metric as a share of its baseline; zero if nothing grew."""
    return max(
        (
            (metric.measured - metric.baseline) / metric.baseline
            for metric in metrics
            if metric.outcome.is_growth and metric.baseline
        ),
        default=0.0,
    )


def _accepted(metric: MetricVerdict) -> int:
    return metric.baseline if metric.baseline is not None else (metric.limit or 0)


def run_counts(results: RunResults) -> str:
    """Write how many tests of a run have each outcome, as in `2 grew, 40 ok; 1 quarantined`."""
    number = len(results.quarantined)
    return f"{count_text(results.counts())}{f'; {number:,} quarantined' if number else ''}"


def count_text(found: Mapping[Outcome, int]) -> str:
    """Write how many tests have each outcome, as in `1 grew, 40 ok`."""
    return ", ".join(f"{number:,} {outcome}" for outcome, number in found.items()) or "no guarded test"
