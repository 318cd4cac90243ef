"""Finds the source lines behind a metric that failed, from what each function holds now and held before."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_memguard.core.measurement import Entry, Measurement, SiteBytes
from pytest_memguard.core.metrics import ALLOCATIONS, LEAK_PER_CALL, PEAK, RETAINED, SETTLED
from pytest_memguard.core.units import KIB
from pytest_memguard.core.verdict import GrownSite, MetricVerdict, Outcome

SHOWN_SITES = 5
_SITE_FLOOR = 0.02

_Line = tuple[SiteBytes, int]
"""A line, and what it holds of the metric in question."""

_NEW_LINES = 3
"""More lines than this explain any growth by chance."""

_SLACK = 0.05
_SLACK_BYTES = 16 * KIB
_MOST_SLACK = 0.25
"""Lines explain a growth if they add up to it within a twentieth or 16 KiB, and never a quarter off."""


def grown_sites(
    measurement: Measurement, entry: Entry | None, metric: MetricVerdict | None
) -> tuple[GrownSite, ...]:
    """Name the sites behind a metric that failed, those that grew most first.

    A site is compared by file and function, so that an edit above it changes nothing.
    """
    if metric is None or not metric.outcome.is_growth:
        return ()
    leak = measurement.leak
    use_leak = leak is not None and metric.name in (LEAK_PER_CALL, SETTLED)
    held = leak.sites if use_leak and leak is not None else measurement.sites
    now = _by_place(held, RETAINED if use_leak else metric.name)
    was = _accepted_by_place(entry, metric.name)
    grown = [site for at, lines in now.items() for site in _grown(lines, was.get(at))]
    grown.sort(key=lambda site: (-site.grew_by_bytes, -site.size_bytes, site.site.at, site.site.line))
    floor = _SITE_FLOOR * grown[0].grew_by_bytes if grown else 0
    return tuple(site for site in grown if site.grew_by_bytes >= floor)[:SHOWN_SITES]


def counted_sites(measurement: Measurement, outcome: Outcome) -> tuple[GrownSite, ...]:
    """Name the lines behind what leaks beside bytes."""
    if outcome is not Outcome.LEAKED or measurement.leak is None:
        return ()
    return tuple(
        GrownSite(site=count.site, size_bytes=0, grew_by_bytes=0, counted=count)
        for count in measurement.leak.counts
        if count.site is not None
    )


def _by_place(held: tuple[SiteBytes, ...], metric: str) -> dict[str, list[_Line]]:
    """Put the lines of one function together, the one that holds most first."""
    places: dict[str, list[_Line]] = {}
    for one in sorted(held, key=lambda one: -_held_bytes(one, metric)):
        places.setdefault(one.site.at, []).append((one, _held_bytes(one, metric)))
    return places


def _held_bytes(one: SiteBytes, metric: str) -> int:
    return one.peak_bytes if metric in (PEAK, ALLOCATIONS) else one.retained_bytes


def _accepted_by_place(entry: Entry | None, metric: str) -> dict[str, int]:
    if entry is None:
        return {}
    held = ((site.at, site.peak_bytes if metric == PEAK else site.retained_bytes) for site in entry.sites)
    return {at: size_bytes for at, size_bytes in held if size_bytes}


def _grown(lines: list[_Line], was_bytes: int | None) -> Iterator[GrownSite]:
    """Yield what one function grew by, at the line that explains it, or line by line where several do."""
    size_bytes = sum(held_bytes for _, held_bytes in lines)
    grew_by_bytes = size_bytes - (was_bytes or 0)
    if grew_by_bytes <= 0:
        return
    named = _new_lines(lines, grew_by_bytes) if was_bytes else lines[:1]
    for one, held_bytes in named:
        is_alone = len(named) == 1
        yield GrownSite(
            site=one.site,
            size_bytes=size_bytes if is_alone else held_bytes,
            grew_by_bytes=grew_by_bytes if is_alone else held_bytes,
            was_bytes=was_bytes if is_alone else None,
            inner=one.inner,
        )


def _new_lines(lines: list[_Line], grew_by_bytes: int) -> list[_Line]:
    """Return the lines that hold as much as the function grew by; else the one that holds most.

    What is accepted has no lines, so that a function's old lines are told from its new ones
    by their sizes alone.
    """
    slack = min(max(_SLACK * grew_by_bytes, _SLACK_BYTES), _MOST_SLACK * grew_by_bytes)
    # Of lines that fit as well the last one: code grows downwards.
    nearest = min(lines, key=lambda line: (abs(line[1] - grew_by_bytes), -line[0].site.line))
    if abs(nearest[1] - grew_by_bytes) <= slack:
        return [nearest]
    chosen: list[_Line] = []
    rest = grew_by_bytes
    for line in lines:
        if line[1] <= rest + slack:
            chosen.append(line)
            rest -= line[1]
        if rest <= slack or len(chosen) == _NEW_LINES:
            break
    return chosen if rest <= slack else lines[:1]
