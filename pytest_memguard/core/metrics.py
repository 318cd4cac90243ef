"""The metrics of a measurement, and what a leak check counts beside bytes."""

from __future__ import annotations

PEAK = "peak"
RETAINED = "retained"
ALLOCATIONS = "allocations"
SETTLED = "settled"
LEAK_PER_CALL = "leak_per_call"
METRICS = (PEAK, RETAINED, ALLOCATIONS, SETTLED, LEAK_PER_CALL)
"""Every metric, in the order in which they are written. All are bytes but `allocations`."""

THREADS = "threads"
FILES = "files"
CHILDREN = "children"
COUNTED_UNITS = (THREADS, FILES, CHILDREN, "uncollectable objects")
"""What a leak check counts beside bytes."""
