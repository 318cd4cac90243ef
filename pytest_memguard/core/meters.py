"""The meters by name, the best first, each with the class that is one."""

from __future__ import annotations

from collections.abc import Mapping

METERS: Mapping[str, str] = {
    "memray": "pytest_memguard.meters.memray_meter:MemrayMeter",
    "tracemalloc": "pytest_memguard.meters.tracemalloc_meter:TracemallocMeter",
}
BEST_METER, *_, PORTABLE_METER = METERS
"""What works wherever Python does."""
