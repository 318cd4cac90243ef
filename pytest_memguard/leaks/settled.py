"""Names the lines that hold what a body settled at: one traced pass over its first calls."""

from __future__ import annotations

import time
from collections.abc import Callable

from pytest_memguard.meters.sites import SiteNamer
from pytest_memguard.meters.tally import Tally
from pytest_memguard.model import SiteBytes


def settled_sites(
    body: Callable[[], object], *, calls: int, seconds: float, namer: SiteNamer
) -> tuple[SiteBytes, ...]:
    """Run `body` up to `calls` times, for at most `seconds`, and return what outlived that by site.

    It says something only where the caches that the body fills are still empty, as in an
    interpreter of its own. Raises `MeterError` where memray cannot trace.
    """
    from pytest_memguard.meters.memray_meter import traced_survivors  # noqa: PLC0415 - not on every platform

    def repeat() -> None:
        end = time.monotonic() + seconds
        for _ in range(calls):
            body()
            if time.monotonic() > end:
                return

    tally = Tally(namer)
    for size_bytes, _blocks, frames in traced_survivors(repeat, native=False):
        tally.add_retained(size_bytes, frames)
    return tally.sample().sites
