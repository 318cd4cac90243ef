"""The meters by name, the best first, each with the class that is one."""

from __future__ import annotations

from collections.abc import Mapping

METERS: Mapping[str, str] = {
    "memray": "pytest_memguard.meters.memray_meter:MemrayMeter",
    "tracemalloc": "pytest_memguard.meters.tracemalloc_meter:TracemallocMeter",
}
BEST_METER, *_, PORTABLE_METER = METERS
"""The first, and the last one, which works wherever CPython does."""

METER_PACKAGES = frozenset({"memray"})
"""Packages from PyPI that a meter calls while a test's patches are in place."""
