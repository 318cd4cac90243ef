"""Takes what known leaks add to each call out of a finding: what remains is judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from pytest_memguard.core.known_leaks import KnownLeak
from pytest_memguard.core.leak_finding import KnownGrowth, LeakFinding
from pytest_memguard.core.sites import SiteBytes
from pytest_memguard.core.tolerance import LEAK_TOLERANCE


def without_known_leaks(leak: LeakFinding, entries: Iterable[KnownLeak], today: dt.date) -> LeakFinding:
    """Return a finding whose rate leaves out what the entries match, each with its part in `known`.

    An entry that is expired, or matches more than its maximum, takes nothing out. A remainder by which
    the rate of a leak may vary is not a leak.
    """
    if not leak.leaking:
        return leak
    left, known = leak, list(leak.known)
    for entry in entries:
        sites = matching_sites(entry, left.sites)
        part = _matched_bytes(entry, left, sites)
        too_much = entry.max_bytes is not None and part > entry.max_bytes
        if not part or too_much or entry.is_expired(today):
            continue
        known.append(KnownGrowth(reason=entry.reason, bytes_per_call=part, entry=entry.entry))
        left = replace(
            left,
            bytes_per_call=_remainder(left.bytes_per_call, part),
            sites=_without(left.sites, sites),
            held_by=() if entry.held_by else left.held_by,
        )
    if len(known) == len(leak.known):
        return leak
    leaks_on = bool(left.bytes_per_call or left.counts)
    return replace(
        left,
        leaking=leaks_on,
        known=tuple(known),
        sites=left.sites if leaks_on else (),
        held_by=left.held_by if leaks_on else (),
        doubt_bytes=min(left.doubt_bytes, left.bytes_per_call),
        is_accelerating=left.is_accelerating and leaks_on,
    )


def _matched_bytes(entry: KnownLeak, leak: LeakFinding, sites: Sequence[SiteBytes]) -> int:
    """Return how much of the rate an entry matches: that of its places, or all that its holder holds."""
    if entry.held_by and not any(_is_held(entry.held_by, holder) for holder in leak.held_by):
        return 0
    if not entry.at:
        return leak.bytes_per_call
    return min(leak.bytes_per_call, sum(site.retained_bytes for site in sites))


def _is_held(pattern: str, holder: str) -> bool:
    """Match a step of the chain, with or without what it says of size and place."""
    return fnmatchcase(holder, pattern) or fnmatchcase(holder.partition(" (")[0], pattern)


def matching_sites(entry: KnownLeak, sites: Iterable[SiteBytes]) -> tuple[SiteBytes, ...]:
    """Return the sites at an entry's place; lines that only call into it count where no site is there."""
    sites = tuple(sites)
    there = tuple(site for site in sites if _is_at(entry.at, site.site.file, site.site.at))
    inside = (site for site in sites if site.inner and _is_at(entry.at, site.inner.file, site.inner.at))
    return there or tuple(inside)


def _without(sites: Sequence[SiteBytes], known: Sequence[SiteBytes]) -> tuple[SiteBytes, ...]:
    """Leave out the known sites, and their bytes in those of the lines that call them."""
    known_inside = {site.site: site.retained_bytes for site in known if site.is_inner}
    left = []
    for site in sites:
        if site in known:
            continue
        part = known_inside.get(site.inner, 0) if site.inner is not None and not site.is_inner else 0
        if part < site.retained_bytes:
            left.append(replace(site, retained_bytes=site.retained_bytes - part))
    return tuple(left)


def _is_at(pattern: str, *names: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)


def _remainder(rate_bytes: int, part_bytes: int) -> int:
    rest = rate_bytes - part_bytes
    return 0 if rest <= LEAK_TOLERANCE.allowance_bytes(part_bytes) else rest


def unused(
    entries: Iterable[KnownLeak], leaks: Iterable[LeakFinding], today: dt.date
) -> tuple[KnownLeak, ...]:
    """Return the entries that could have matched and took nothing out of any of these findings."""
    used = {growth.entry for leak in leaks for growth in leak.known}
    return tuple(entry for entry in entries if entry.entry not in used and not entry.is_expired(today))
