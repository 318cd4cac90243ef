"""Chooses the meter: memray where it works, tracemalloc elsewhere, and says why."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.meters.attribution import SiteNamer
from pytest_memguard.meters.protocol import Meter, MeterError, Recording

__all__ = [
    "ChosenMeter",
    "Meter",
    "MeterError",
    "MeterUnavailableError",
    "Recording",
    "SiteNamer",
    "choose_meter",
]


class MeterUnavailableError(MemguardError):
    """A meter was asked for that this machine cannot use."""

    slug = "meter-unavailable"


@dataclass(frozen=True, slots=True)
class ChosenMeter:
    """A meter, and why it is not memray, if it is not."""

    meter: Meter
    reason_no_memray: str = ""


def choose_meter(namer: SiteNamer, wanted: str | None = None) -> ChosenMeter:
    """Return the wanted meter, or the best that works here.

    Raises `MeterUnavailableError` where memray was asked for by name and cannot be used.
    """
    from pytest_memguard.meters.tracemalloc_meter import TracemallocMeter  # noqa: PLC0415 - a run pays for the meter it uses

    if wanted == "tracemalloc":
        return ChosenMeter(TracemallocMeter(namer), "tracemalloc was asked for")
    try:
        from pytest_memguard.meters.memray_meter import MemrayMeter  # noqa: PLC0415 - not on every platform, and slow to load
    except ImportError as error:
        reason = f"memray cannot be used on {sys.platform}: {error}"
        if wanted == "memray":
            raise MeterUnavailableError(
                f"{reason}. Accepted here is --memguard-meter=tracemalloc."
            ) from error
        return ChosenMeter(TracemallocMeter(namer), reason)
    return ChosenMeter(MemrayMeter(namer))
