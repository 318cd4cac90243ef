"""The meter that works here: a test asks it for what only some meters can."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import pytest

from pytest_memguard.core.meters import BEST_METER, METERS, PORTABLE_METER


def _here() -> Any:
    for name in (BEST_METER, PORTABLE_METER):
        module, _, kind = METERS[name].partition(":")
        try:
            return getattr(import_module(module), kind)
        except ImportError:
            continue
    raise RuntimeError("no meter works here")


METER = _here()

needs_memray = pytest.mark.skipif(METER.name != BEST_METER, reason="it is about memray itself")
needs_counts = pytest.mark.skipif(
    not METER.counts_allocations,
    reason="such tests are not-measured where allocations are not counted: test_platforms.py",
)

HARNESS_BYTES = 0 if METER.names_peaks else 4000
"""So much of what pytest and memguard do meanwhile may be in a peak, by a meter that cannot leave it out."""

BYTEARRAY_BYTES = sys.getsizeof(bytearray(1_000)) - 1_000
"""What a bytearray takes beside its content: more without a GIL, and from CPython 3.15 on."""
