"""What the C library keeps of freed memory does not count as in use."""

from __future__ import annotations

import ctypes

import pytest

from pytest_memguard.leaks.process_memory import ProcessMemory

glibc = ctypes.PyDLL(None)
pytestmark = pytest.mark.skipif(
    not hasattr(glibc, "gnu_get_libc_version"), reason="only glibc has this cache"
)

_BLOCKS = 40
_BLOCK_BYTES = 1_008
"""Of a block of a thousand bytes, with what glibc keeps before it."""


def test_freed_blocks_do_not_count_in_the_c_heap() -> None:
    glibc.malloc.restype, glibc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    memory = ProcessMemory()
    held = [glibc.malloc(1_000) for _ in range(_BLOCKS)]  # among them all of the cache
    full_bytes = memory.heap_bytes()
    for block in held:
        glibc.free(block)
    empty_bytes = memory.heap_bytes()
    assert full_bytes is not None
    assert empty_bytes is not None
    assert full_bytes - empty_bytes == pytest.approx(_BLOCKS * _BLOCK_BYTES, abs=3 * _BLOCK_BYTES)
