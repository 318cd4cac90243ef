"""Explains a leak to which only some calls add by rounds of calls, to each of which something is added."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pytest_memguard.core.leak_finding import KindGrowth, LeakFinding
from pytest_memguard.core.metrics import RESIDENT
from pytest_memguard.core.sites import SiteBytes
from pytest_memguard.leaks.series import Window, held_series, reading_at, unexplained_series

_LEAST_RISE = 1 / 4
"""A reading rose if it did by this share of the mean; the rest is what moves at every call."""

_MOST_RISEN = 3 / 4
"""If more readings than this share rose, the leak is even, and each call may add something."""


@dataclass(frozen=True, slots=True)
class Round:
    """How many calls it takes until something is added, on average; one for a leak that is even."""

    calls: int = 1

    def repeating(self, repeat: Callable[[int], object]) -> Callable[[int], object]:
        """Return what repeats the body for a number of rounds; `repeat` does so for a number of calls."""
        return lambda rounds: repeat(rounds * self.calls)

    def of(self, finding: LeakFinding) -> LeakFinding:
        """Return a finding whose calls are rounds, and whose rate is that of a round."""
        return replace(
            finding,
            calls=max(1, finding.calls // self.calls),
            bytes_per_call=finding.bytes_per_call * self.calls,
        )

    def site_of_a_call(self, site: SiteBytes) -> SiteBytes:
        """Return a site with its bytes per call; `site` has those of a round."""
        return replace(site, retained_bytes=site.retained_bytes // self.calls)

    def kind_of_a_call(self, kind: KindGrowth) -> KindGrowth:
        """Return a type with its number per call; `kind` has that of a round."""
        return replace(kind, per_call=round(kind.per_call / self.calls, 2))


def round_of(windows: Sequence[Window], signals: Sequence[str]) -> Round:
    """Return how many calls a round needs, by how many readings of the last half rose in what grew."""
    if not windows or not signals:
        return Round()
    series = unexplained_series(windows) if tuple(signals) == (RESIDENT,) else held_series(windows)
    calls = [window.calls for window in windows]
    start = reading_at(calls, 4)
    rises = [after - before for before, after in itertools.pairwise(series[start:])]
    mean = sum(rises) / max(1, len(rises))
    risen = sum(rise >= _LEAST_RISE * mean for rise in rises)
    if mean <= 0 or not 0 < risen <= _MOST_RISEN * len(rises):
        return Round()
    return Round(math.ceil((calls[-1] - calls[start]) / risen))
