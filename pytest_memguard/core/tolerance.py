"""How much a figure may grow before it counts as growth, and how users write it."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_memguard.core.errors import ValueFormError
from pytest_memguard.core.units import parse_share, parse_size

_FORMS = "'5%', '64 KiB', '5%, 64 KiB', or a mapping by metric such as {'peak': '5%'}"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Growth must exceed both parts, the share of the baseline and the number of bytes."""

    relative: float = 0.0
    absolute_bytes: int = 0

    def allowance_bytes(self, baseline_bytes: int) -> int:
        """Return how many bytes over the baseline are still tolerated."""
        return max(int(baseline_bytes * self.relative), self.absolute_bytes)


def parse_tolerance(value: object) -> Tolerance:
    """Read `"5%"`, `"64 KiB"` or both; a part that is not given is zero.

    >>> parse_tolerance("5%, 64 KiB")
    Tolerance(relative=0.05, absolute_bytes=65536)
    """
    parts = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else []
    shares = [part for part in parts if "%" in part]
    sizes = [part for part in parts if "%" not in part]
    refusal = ValueFormError(f"{value!r} is not a tolerance; accepted are {_FORMS}.")
    if not parts or len(shares) > 1 or len(sizes) > 1:
        raise refusal
    try:
        return Tolerance(
            relative=parse_share(shares[0]) if shares else 0.0,
            absolute_bytes=parse_size(sizes[0]) if sizes else 0,
        )
    except ValueFormError as error:
        raise refusal from error


DEFAULT_TOLERANCE_WRITTEN = "1%, 16 KiB"
DEFAULT_TOLERANCE = parse_tolerance(DEFAULT_TOLERANCE_WRITTEN)
"""An order of magnitude above the noise left after confirming, on thirteen real test suites."""

LEAK_TOLERANCE = Tolerance(relative=0.05, absolute_bytes=16)
"""An accepted leak may vary by 5 % of its rate, or by half of glibc's smallest chunk; most leaks show the
same rate again to the byte."""
