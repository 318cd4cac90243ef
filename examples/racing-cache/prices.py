"""Price lists by country, loaded from compressed files and kept for a while."""

from __future__ import annotations

import asyncio
import threading
import time
import zlib
from pathlib import Path

LIST_BYTES = 8 * 1024**2
KEPT_SECONDS = 3600.0


def write(folder: Path, country: str) -> None:
    """Write a price list: a million prices of eight bytes."""
    prices = b"".join((n * 2654435761 % 2**20).to_bytes(8, "little") for n in range(LIST_BYTES // 8))
    (folder / f"{country}.z").write_bytes(zlib.compress(prices, 1))


def load(folder: Path, country: str) -> bytes:
    """Return a price list; this takes a while, and other threads run meanwhile."""
    return zlib.decompress((folder / f"{country}.z").read_bytes(), bufsize=LIST_BYTES)


class PriceLists:
    """The price lists for threads."""

    def __init__(self, folder: Path, kept_seconds: float = KEPT_SECONDS) -> None:
        self._folder = folder
        self._kept_seconds = kept_seconds
        self._lists: dict[str, tuple[float, bytes]] = {}
        self._lock = threading.Lock()

    def get(self, country: str) -> bytes:
        """Return the list of a country, loaded where there is none or it is old."""
        with self._lock:
            if not self._has(country):
                self._lists[country] = (time.monotonic(), load(self._folder, country))
            return self._lists[country][1]

    def _has(self, country: str) -> bool:
        made, _ = self._lists.get(country, (float("-inf"), b""))
        return time.monotonic() - made < self._kept_seconds


class AsyncPriceLists(PriceLists):
    """The price lists for tasks of one event loop."""

    def __init__(self, folder: Path, kept_seconds: float = KEPT_SECONDS) -> None:
        super().__init__(folder, kept_seconds)
        self._turn = asyncio.Lock()

    async def fetch(self, country: str) -> bytes:
        """Return the list of a country, loaded where there is none or it is old."""
        async with self._turn:
            if not self._has(country):
                loaded = await asyncio.to_thread(load, self._folder, country)
                self._lists[country] = (time.monotonic(), loaded)
            return self._lists[country][1]
