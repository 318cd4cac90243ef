"""The metrics of a measurement, and what a leak check counts beside bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_memguard.core.units import format_apart, format_growth, format_size


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a measurement: what it counts, where it comes from, and how it is written.

    `limit_key` is the argument of a marker that limits it without a baseline. A figure that is not
    `from_samples` comes from the leak check. One that is not `is_gated` has no tolerance unless one
    is written, and may be missing from a measurement.
    """

    name: str
    limit_key: str
    is_count: bool = False
    from_samples: bool = True
    is_gated: bool = True

    @property
    def label(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ")

    def text(self, value: int) -> str:
        """Write a value.

        >>> METRICS[PEAK].text(1536), METRICS[ALLOCATIONS].text(1536)
        ('1.5 KiB', '1,536')
        """
        return f"{value:,}" if self.is_count else format_size(value)

    def texts(self, value: int, *others: int) -> tuple[str, ...]:
        """Write a value and others to compare it with; one that differs never looks equal to it."""
        return tuple(map(self.text, (value, *others))) if self.is_count else format_apart(value, *others)

    def growth_text(self, difference: int) -> str:
        """Write a difference with its sign."""
        return f"{difference:+,}" if self.is_count else format_growth(difference)


PEAK = "peak"
RETAINED = "retained"
ALLOCATIONS = "allocations"
SETTLED = "settled"
LEAK_PER_CALL = "leak_per_call"
METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(PEAK, "max_peak"),
        Metric(RETAINED, "max_retained"),
        Metric(ALLOCATIONS, "max_allocations", is_count=True, is_gated=False),
        Metric(SETTLED, "max_settled", from_samples=False),
        Metric(LEAK_PER_CALL, "max_leak_per_call", from_samples=False),
    )
}
"""Every metric by its name, in the order in which they are written."""

THREADS = "threads"
FILES = "files"
CHILDREN = "children"
COUNTED_UNITS = (THREADS, FILES, CHILDREN, "uncollectable objects")
"""What a leak check counts beside bytes."""

BLOCKS = "blocks"
HEAP = "heap"
RESIDENT = "rss"
"""What a leak check reads of memory, where the platform tells it."""
