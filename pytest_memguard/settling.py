"""What a repeated body settled at: one pure function on its readings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from pytest_memguard.windows import Window, held_between

_LARGEST_TABLE_BYTES = 2 * 1024**2
"""The interpreter's, for 87,000 interned strings; one for 43,000 takes 961 KB, as seen in jinja2's suite."""

_FEW_BLOCKS = 64
_LITTLE_ELSE = 0.1


def settled_bytes(before: Window, windows: Sequence[Window], *, drift_bytes: float) -> int:
    """Return what is held after the last of these readings over what was held `before` the first call.

    A drift per call that is too small to be a leak depends on the number of calls, and a table of
    the interpreter that is made anew meanwhile on what ran before: neither is the body's.
    """
    held = held_between(before, windows[-1]) - max(0.0, drift_bytes) * windows[-1].calls
    return max(0, round(held - _table_made_anew(windows)))


def _table_made_anew(windows: Sequence[Window]) -> int:
    """Return the one jump of the heap that no objects and no other growth go with, if there is one."""
    steps = [
        ((after.heap_bytes or 0) - (before.heap_bytes or 0), (after.blocks or 0) - (before.blocks or 0))
        for before, after in itertools.pairwise(windows)
    ]
    if not steps:
        return 0
    jump, blocks = max(steps)
    others = sum(max(0, step) for step, _ in steps) - jump
    is_table = 0 < jump <= _LARGEST_TABLE_BYTES and blocks < _FEW_BLOCKS and others <= _LITTLE_ELSE * jump
    return jump if is_table else 0
