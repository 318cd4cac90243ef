"""The meters by name, the best first, each with the class that is one."""

from __future__ import annotations

from collections.abc import Mapping

BEST_METER = "memray"
PORTABLE_METER = "tracemalloc"
"""The one that works wherever CPython does."""

METERS: Mapping[str, str] = {
    BEST_METER: "pytest_memguard.meters.memray_meter:MemrayMeter",
    PORTABLE_METER: "pytest_memguard.meters.tracemalloc_meter:TracemallocMeter",
}

METER_PACKAGES = frozenset({"memray"})
"""Packages from PyPI that a meter calls while a test's patches are in place."""
