"""The types of a stack frame, and of an allocation that outlived a body."""

from __future__ import annotations

Frame = tuple[str, str, int]
"""Function, file and line: the order in which memray gives them."""

Survivor = tuple[int, int, tuple[Frame, ...]]
"""Bytes, number of blocks, and the stack that allocated them, innermost first."""
