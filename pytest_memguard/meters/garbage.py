"""Keeps garbage and interpreter caches out of a sample."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def _type_cache_clearer() -> Callable[[], None]:
    """Return what clears the cache: CPython 3.13 renamed it, and other interpreters have no such function."""
    for name in ("_clear_internal_caches", "_clear_type_cache"):
        clearer: Callable[[], None] | None = getattr(sys, name, None)
        if clearer is not None:
            return clearer
    return lambda: None


clear_type_caches = _type_cache_clearer()
"""Drop the type attribute cache, which keeps names and values alive in multiples of 67 bytes."""


_CAN_FREEZE = hasattr(gc, "freeze")
"""Other interpreters than CPython cannot; nothing is measured there."""

_FROZEN_AT_START = gc.get_freeze_count() if _CAN_FREEZE else 0
"""CPython 3.12 starts with some hundred objects out of the collector's sight; they mean no nesting."""


@contextmanager
def only_new_garbage() -> Iterator[None]:
    """Let collections inside the block look at nothing but what the block made.

    Freezing moves all older objects out of the collector's sight in constant time, so the
    cost of a collection does not grow with the session; the block's end brings them back.
    """
    nested = not _CAN_FREEZE or gc.get_freeze_count() > _FROZEN_AT_START
    if not nested:
        gc.freeze()
    try:
        yield
    finally:
        if not nested:
            gc.unfreeze()
