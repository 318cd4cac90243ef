"""The metrics of a measurement, and what a leak check counts beside bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_memguard.core.tolerance import DEFAULT_TOLERANCE, LEAK_TOLERANCE, Tolerance
from pytest_memguard.core.units import format_apart, format_growth, format_size, parse_count, parse_size


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a measurement: what it counts, where it comes from, how it is judged and written.

    `means` and `limit_means` are its lines of the reference: its own, and that of the argument that
    limits it without a baseline. `tolerance` is what it may grow by unless another one is written; a
    figure without one is not gated by default, and may be missing from a measurement. A figure that is
    not `from_samples` comes from the leak check; one `from_each_allocation` needs a meter that looks at
    every allocation, which takes time. The growth of one `at_peak` shows in what sites hold at the peak;
    the growth of the others shows in what sites leave behind.
    """

    name: str
    means: str
    limit_means: str
    tolerance: Tolerance | None = DEFAULT_TOLERANCE
    is_count: bool = False
    from_samples: bool = True
    from_each_allocation: bool = False
    at_peak: bool = False

    @property
    def limit_key(self) -> str:
        """The argument of a marker that limits it without a baseline."""
        return f"max_{self.name}"

    @property
    def is_gated(self) -> bool:
        """Whether it is compared with the baseline by default."""
        return self.tolerance is not None

    @property
    def label(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ")

    def parse(self, value: object) -> int:
        """Read a value as users write it; raises `ValueFormError`."""
        return parse_count(value) if self.is_count else parse_size(value)

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
        Metric(
            PEAK,
            "the most bytes alive at one moment, beyond those alive at the start",
            "limit of the bytes alive at one moment; needs no baseline",
            at_peak=True,
        ),
        Metric(
            RETAINED,
            "bytes allocated in the test that are alive after its end and a collection",
            "limit of the bytes that a test leaves behind; needs no baseline",
        ),
        Metric(
            ALLOCATIONS,
            "number of allocations",
            "limit of the number of allocations; needs no baseline",
            tolerance=None,
            is_count=True,
            from_each_allocation=True,
            at_peak=True,
        ),
        Metric(
            SETTLED,
            "bytes that a repeated body holds after the last call, or will hold once its caches are full "
            "(`leaks=True`)",
            "limit of the bytes that repeated calls settle at (`leaks`); needs no baseline",
            from_samples=False,
        ),
        Metric(
            LEAK_PER_CALL,
            "rate of a leak; 0 if there is none (`leaks=True`)",
            "rate of a leak that is allowed; needs no baseline",
            tolerance=LEAK_TOLERANCE,
            from_samples=False,
        ),
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
