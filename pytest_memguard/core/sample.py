"""What one metered execution of a test shows: its figures, its sites and its curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pytest_memguard.core.metrics import PEAK, RETAINED
from pytest_memguard.core.sites import SiteBytes

TIME = "ms"
RECORDS = "records"
CURVE_UNITS = (TIME, RECORDS)
"""What a curve runs over: milliseconds, or the sample's own allocations and frees, one after the other."""

CURVE_POINTS = 96
"""The most points that a curve has; more are not seen apart."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What one sample held on its way: the most in each of equal parts of its `length`, in `unit`."""

    unit: str
    length: int
    held_bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One metered execution of one test, or of one region in it.

    `metrics` always holds the peak and what was retained, and what was counted beside: looking at each
    allocation takes time. `harness_bytes` is what pytest and its plugins held when the process held the
    most: the test itself may have held up to that much more at another moment. It is 0 in a counted sample,
    which is exact. `left_out_bytes` is the part of it that plugins and excluded packages held, by package.
    Where the meter `has_lost_frames`, what all of them held counts as the test's. `background` names the
    places whose memory is left out since threads allocate there whether a test runs or not.
    """

    metrics: Mapping[str, int]
    sites: tuple[SiteBytes, ...] = ()
    harness_bytes: int = 0
    left_out_bytes: Mapping[str, int] = field(default_factory=dict)
    has_lost_frames: bool = False
    background: tuple[str, ...] = ()
    order: int = 0
    curve: Curve | None = None

    @property
    def peak_bytes(self) -> int:
        """The most bytes that were alive at one moment."""
        return self.metrics[PEAK]

    @property
    def retained_bytes(self) -> int:
        """What was still alive when the sample had ended."""
        return self.metrics[RETAINED]

    @property
    def highest_peak_bytes(self) -> int:
        """The most that the test's own peak can have been."""
        return self.peak_bytes + self.harness_bytes


def largest(one: Sample, other: Sample) -> Sample:
    """Join two executions that count as one: what the larger one needed at its peak, the most of the rest."""
    larger = max(one, other, key=lambda sample: sample.highest_peak_bytes)
    most = {name: max(value, other.metrics.get(name, value)) for name, value in one.metrics.items()}
    return replace(larger, metrics={**other.metrics, **most, PEAK: larger.peak_bytes})
