"""A meter for one check, which leaves nothing on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_memguard.meters import Meter, SiteNamer, choose_meter


@contextmanager
def meter_of(root: Path) -> Iterator[Meter]:
    """Open the meter of a project."""
    meter = choose_meter(SiteNamer(root)).meter
    try:
        yield meter
    finally:
        meter.close()
