"""Node ids of pytest: the module, and the name within it."""

from __future__ import annotations


def split_id(test_id: str) -> tuple[str, str]:
    """Split a node id at its first `::` into the module and the key of its entry."""
    module, _, key = test_id.partition("::")
    return module, key


def join_id(module: str, key: str) -> str:
    """Return the node id of an entry: the reverse of `split_id`."""
    return f"{module}::{key}" if key else module
