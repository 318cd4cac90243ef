"""Finds databases of sqlite3 in memory that grow: their rows are no objects that the collector could list."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pytest_memguard.core.real_types import is_a
from pytest_memguard.leaks.holders.objects import all_objects


def grown_databases(
    repeat: Callable[[int], object], calls: int, *, least_bytes: float, tick: Callable[[], None]
) -> list[object]:
    """Make twice as many calls, and return the connections whose database in memory grew by `least_bytes`.

    Only those are asked for their size into which the first half of the calls wrote.
    """
    library = sys.modules.get("sqlite3")
    kind = getattr(library, "Connection", None)
    if not is_a(kind, type):
        return []
    before = [(one, _changes(kind, one)) for one in all_objects(tick) if is_a(one, kind)]
    if not before:
        return []
    repeat(calls)
    sizes = [(one, _bytes_in_memory(library, one)) for one, was in before if _changes(kind, one) > was]
    if any(size for _, size in sizes):
        repeat(calls)
    return [one for one, size in sizes if size and _bytes_in_memory(library, one) - size >= least_bytes]


def _changes(kind: Any, connection: object) -> int:
    """Return how many rows were written through a connection; -1 for one that is closed."""
    with suppress(Exception):  # of the library, which may be another than the standard one
        return int(kind.total_changes.__get__(connection))
    return -1


def _bytes_in_memory(library: Any, connection: object) -> int:
    """Return the size of a connection's database in memory; 0 for one in a file or of another thread."""
    with suppress(Exception):
        cursor = library.Cursor(connection)
        (*_, file) = cursor.execute("PRAGMA database_list").fetchone()
        pages, page_bytes = (
            cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
        )
        return 0 if file else int(pages) * int(page_bytes)
    return 0
