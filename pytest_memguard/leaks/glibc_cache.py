"""Fills glibc's cache of freed blocks before the C heap is read, since what it holds counts as in use.

glibc keeps a few blocks of each small size for the thread that freed them (`tcache` in its
`malloc/malloc.c`), and counts them as allocated. A body that uses a C library fills this cache over dozens of
calls, which looks like growth of some 50 KiB. If the cache is full at each reading, it is the same in all.
"""

from __future__ import annotations

from collections.abc import Callable

try:
    import ctypes
except ImportError:  # Python was built without it
    ctypes = None  # type: ignore[assignment]  # a module or nothing

_SIZES_BYTES = range(24, 1_033, 16)
_BLOCKS, _BLOCKS_SINCE_2_42 = 7, 16
"""The sizes that are cached, and how many blocks of each (`TCACHE_FILL_COUNT`)."""


def _nothing() -> None:
    """Where another C library allocates, there is no such cache."""


def filler_of_freed_blocks() -> Callable[[], None]:
    """Return a function that fills the cache of the thread that calls it."""
    if ctypes is None:
        return _nothing
    try:
        # It keeps the lock of the interpreter: no other thread runs meanwhile.
        library = ctypes.PyDLL(None)
        version_of = library.gnu_get_libc_version
    except (AttributeError, OSError, TypeError):  # not glibc, not Linux, Windows
        return _nothing
    version_of.restype = ctypes.c_char_p
    version = tuple(int(part) for part in version_of().split(b".")[:2])
    blocks = _BLOCKS if version < (2, 42) else _BLOCKS_SINCE_2_42
    sizes = [size for size in _SIZES_BYTES for _ in range(blocks)]
    allocate, free = library.malloc, library.free
    allocate.argtypes, allocate.restype = [ctypes.c_size_t], ctypes.c_void_p
    free.argtypes, free.restype = [ctypes.c_void_p], None
    held = (ctypes.c_void_p * len(sizes))()

    def fill() -> None:
        for number, size_bytes in enumerate(sizes):
            held[number] = allocate(size_bytes)
        for block in held:
            free(block)

    return fill
