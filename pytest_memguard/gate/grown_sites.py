"""Finds the source lines behind a metric that failed, from what each function holds now and held before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from pytest_memguard.core.entries import Entry, EntrySite
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.metrics import Metric
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.sites import SiteBytes
from pytest_memguard.core.units import KIB
from pytest_memguard.core.verdict import GrownSite, LineBytes, MetricVerdict

SHOWN_SITES = 5
_SITE_FLOOR = 0.02

_Line = tuple[SiteBytes, int]
"""A line, and what it holds of the metric in question."""

_COMPARED_LINES = 10
_APART = 4
"""The next best choice of lines must explain a growth this many times worse, or the cause is not known."""

_LINE_FLOOR = 0.02

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
    leak = None if metric.metric.from_samples else measurement.leak
    found = measurement.sites if leak is None else leak.sites
    held = tuple(one for one in found if not one.is_inner)
    now = _by_place(held, metric.metric)
    was = _accepted_by_place(entry, metric.metric) if leak is None else {}  # entries hold no sites of leaks
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


def _by_place(held: tuple[SiteBytes, ...], metric: Metric) -> dict[str, list[_Line]]:
    """Put the lines of one function together, the one that holds most first."""
    places: dict[str, list[_Line]] = {}
    for one in sorted(held, key=lambda one: -_held_bytes(one, metric)):
        places.setdefault(one.site.at, []).append((one, _held_bytes(one, metric)))
    return places


def _held_bytes(one: SiteBytes | EntrySite, metric: Metric) -> int:
    return one.peak_bytes if metric.at_peak else one.retained_bytes


def _accepted_by_place(entry: Entry | None, metric: Metric) -> dict[str, int]:
    if entry is None:
        return {}
    held = ((site.at, _held_bytes(site, metric)) for site in entry.sites)
    return {at: size_bytes for at, size_bytes in held if size_bytes}


def _grown(lines: list[_Line], was_bytes: int | None) -> Iterator[GrownSite]:
    """Yield what one function grew by: at its new lines where they can be told, else with all of them."""
    size_bytes = sum(held_bytes for _, held_bytes in lines)
    grew_by_bytes = size_bytes - (was_bytes or 0)
    if grew_by_bytes <= 0:
        return
    named = _new_lines(lines, grew_by_bytes) if was_bytes else []
    if len(named) > 1:
        for one, held_bytes in named:
            yield GrownSite(one.site, held_bytes, held_bytes, inner=one.inner, met=one.met)
        return
    one = (named or lines)[0][0]
    listed = [] if named else [line for line in lines if line[1] >= _LINE_FLOOR * size_bytes]
    yield GrownSite(
        site=one.site,
        size_bytes=size_bytes,
        grew_by_bytes=grew_by_bytes,
        was_bytes=was_bytes,
        inner=one.inner,
        lines=tuple(LineBytes(line.site.line, held_bytes) for line, held_bytes in listed[:SHOWN_SITES])
        if len(listed) > 1
        else (),
        met=one.met,
    )


def _new_lines(lines: list[_Line], grew_by_bytes: int) -> list[_Line]:
    """Return the lines that hold what the function grew by, if only these do; else none.

    What is accepted has no lines, so that a function's new lines are told from its old ones by their
    sizes alone: an old line holds what it held.
    """
    slack = min(max(_SLACK * grew_by_bytes, _SLACK_BYTES), _MOST_SLACK * grew_by_bytes)
    large = [line for line in lines if line[1] > slack / 2][:_COMPARED_LINES]
    choices = sorted(_choices(large), key=lambda chosen: _off_bytes(chosen, grew_by_bytes))
    off = [_off_bytes(chosen, grew_by_bytes) for chosen in choices[:2]]
    if not off or off[0] > slack or (len(off) > 1 and off[1] < _APART * off[0] + slack / _APART):
        return []
    return list(choices[0])


def _off_bytes(chosen: tuple[_Line, ...], grew_by_bytes: int) -> int:
    return abs(sum(held_bytes for _, held_bytes in chosen) - grew_by_bytes)


def _choices(lines: list[_Line]) -> Iterator[tuple[_Line, ...]]:
    """Yield every choice of lines that is few enough to be named, except all of them."""
    for number in range(1, min(SHOWN_SITES, len(lines) - 1) + 1):
        yield from combinations(lines, number)
