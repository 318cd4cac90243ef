"""Makes the findings of a leak check: what the screen saw, what piles up beside it, and what has a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from pytest_memguard.core.leak_finding import Answer, Bound, Doubt, LeakFinding
from pytest_memguard.core.sites import SiteBytes
from pytest_memguard.core.units import GIB, format_size
from pytest_memguard.leaks.holders.object_names import Step
from pytest_memguard.leaks.screen import Screened

_FINGERPRINT_DIGITS = 12

MOST_BYTES = 8 * GIB
"""Containers that settle at more count as unbounded, unless a `max_settled` of the test allows that.

Most processes would be killed before. Whether such a bound is kept, no check can see.
"""


def screened_finding(screened: Screened) -> LeakFinding:
    """Return what the screen saw, not yet explained."""
    growth = screened.growth
    return LeakFinding(
        leaking=growth.answer is Answer.LEAKS,
        bytes_per_call=growth.bytes_per_call,
        doubt_bytes=growth.doubt_bytes,
        calls=screened.calls,
        settled_bytes=screened.settled_bytes,
        counts=growth.counts,
        signals=screened.signals,
        doubts=screened.doubts,
        used_up=screened.used_up,
        is_accelerating=growth.is_accelerating,
        readings=screened.readings,
        judged_from_calls=screened.judged_from_calls,
    )


def beside(finding: LeakFinding, steps: Sequence[Step]) -> LeakFinding:
    """Return a finding without an answer, since something piles up that the readings do not show."""
    held_by = tuple(step.text for step in steps)
    note = f"it piles up in {' > '.join(held_by)}" if held_by else ""
    return replace(finding, held_by=held_by, note=note, doubts=(Doubt.OFFSET,))


def cut_short(finding: LeakFinding) -> LeakFinding:
    """Return a finding without an answer, since it took too long to look at all objects."""
    note = "the time ran out while the objects of the session were looked at"
    return replace(finding, note=note, doubts=(Doubt.CUT_SHORT,))


def settles_at(bounds: Sequence[Bound]) -> int:
    """Return the bytes that all holders with a bound will hold once they are full."""
    return sum(bound.settles_at_bytes for bound in bounds)


def beyond_all(finding: LeakFinding, bounds: Sequence[Bound]) -> LeakFinding:
    """Return a leak whose holders have bounds that nobody lives to see reached; the note says so."""
    told = ", ".join(f"{bound.holder} may hold {bound.at_most:,} entries" for bound in bounds)
    return finding.with_note(
        f"{told}, {format_size(settles_at(bounds))} at this rate, which counts as no bound: "
        f"only max_settled may allow more than {format_size(MOST_BYTES)}"
    )


def filled_up(finding: LeakFinding, later: LeakFinding) -> LeakFinding:
    """Return a finding that is not a leak, since what grew at first is full: `later` settles."""
    grown_bytes = finding.bytes_per_call * finding.calls
    return replace(later, settled_bytes=grown_bytes + later.settled_bytes, known=finding.known)


def bounded(finding: LeakFinding, bounds: tuple[Bound, ...]) -> LeakFinding:
    """Return a finding that is not a leak, since all that grows has a bound.

    It is judged by the bytes that it will settle at, which are shared out among its lines.
    """
    settled_bytes = settles_at(bounds)
    calls = settled_bytes / max(1, finding.bytes_per_call)
    sites = tuple(replace(site, retained_bytes=round(site.retained_bytes * calls)) for site in finding.sites)
    return replace(
        finding,
        leaking=False,
        bytes_per_call=0,
        doubt_bytes=round(max(1, finding.doubt_bytes) * calls),
        is_accelerating=False,
        doubts=(),
        settled_bytes=settled_bytes,
        sites=sites,
        bounds=bounds,
    )


def fingerprint_of(steps: Sequence[Step], sites: Sequence[SiteBytes]) -> str:
    """Return the fingerprint of a leak, which is the same in every test that shows the leak.

    It is a hash of its holders and their attributes, or, where no holder is known, of the function that
    allocates most. It does not depend on line numbers or numbers of entries.
    """
    paths = [step.path for step in steps if step.path] or [site.site.at for site in sites[:1]]
    return sha256("\n".join(paths).encode()).hexdigest()[:_FINGERPRINT_DIGITS] if paths else ""
