"""How much of what varies between the samples of a test is noise, and what was paid once among them."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_memguard.core.tolerance import Tolerance
from pytest_memguard.core.units import KIB

NOISE_AT_MOST = Tolerance(relative=0.25, absolute_bytes=64 * KIB)
"""Spread widens what is tolerated up to here: an entry that lets a quarter more pass guards little.

The number of bytes is for small tests, whose noise matters to nobody.
"""

ENOUGH_WARM = 7
"""Among so many warm samples, one that stands out says nothing of the floor, on which all of them are judged.

A test that needs as much in one sample of seven has it in all three of a run, which is growth, once in 340.
"""


def stands_out_once(figures: Sequence[int]) -> bool:
    """Say whether exactly one of these figures is above the lowest by more than noise may be."""
    lowest = min(figures, default=0)
    most = lowest + NOISE_AT_MOST.allowance_bytes(lowest)
    return len(figures) > 1 and sum(figure > most for figure in figures) == 1


def without_paid_once(figures: Sequence[int]) -> list[int]:
    """Return the figures of warm samples without one that stands out, if there are enough of them.

    A table of the interpreter that grows while one sample is taken, or a cache that a process fills once, is
    no noise of the test.
    """
    if len(figures) >= ENOUGH_WARM and stands_out_once(figures):
        return sorted(figures)[:-1]
    return list(figures)
