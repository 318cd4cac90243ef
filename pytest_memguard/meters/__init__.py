"""Chooses the meter: memray where it works, tracemalloc elsewhere, and says why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.meters import BEST_METER, METERS, PORTABLE_METER
from pytest_memguard.meters.missing_meter import MissingMeter
from pytest_memguard.meters.protocol import Meter, MeterError, Recording, SampleOptions
from pytest_memguard.meters.site_namer import SiteNamer

__all__ = [
    "ChosenMeter",
    "Meter",
    "MeterError",
    "MeterUnavailableError",
    "MissingMeter",
    "Recording",
    "SampleOptions",
    "SiteNamer",
    "choose_meter",
]


_NONE = "There is none that works"


class MeterUnavailableError(MemguardError):
    """A meter was asked for that this machine cannot use."""

    slug = "meter-unavailable"


@dataclass(frozen=True, slots=True)
class ChosenMeter:
    """A meter, and why it is not the best one, if it is not."""

    meter: Meter
    reason_not_best: str = ""


def choose_meter(namer: SiteNamer, wanted: str | None = None) -> ChosenMeter:
    """Return the wanted meter, or the best that works here; `MissingMeter` where there is none.

    Raises `MeterUnavailableError` where one was asked for by name and cannot be used.
    """
    name = wanted or BEST_METER
    try:
        meter = _load(name)(namer)
    except ImportError as error:
        reason = f"{name} cannot be used on {_platform()}: {error}"
        portable = _portable(namer)
        if wanted:
            accepted = f"Accepted here is --memguard-meter={PORTABLE_METER}" if portable else _NONE
            raise MeterUnavailableError(f"{reason}. {accepted}.") from error
        return ChosenMeter(
            portable
            or MissingMeter(
                namer, f"no meter works on {_platform()}: there is neither {' nor '.join(METERS)}"
            ),
            reason,
        )
    return ChosenMeter(meter, f"{name} was asked for" if name != BEST_METER else "")


def _portable(namer: SiteNamer) -> Meter | None:
    """Return the meter of the standard library; PyPy's has none."""
    try:
        return _load(PORTABLE_METER)(namer)
    except ImportError:
        return None


def _platform() -> str:
    """Name what a meter works on or does not, as in `pypy on linux`."""
    name = sys.implementation.name
    return sys.platform if name == "cpython" else f"{name} on {sys.platform}"


def _load(name: str) -> Callable[[SiteNamer], Meter]:
    """Load one meter: a run pays for the one that it uses."""
    module, _, kind = METERS[name].partition(":")
    found: Callable[[SiteNamer], Meter] = getattr(import_module(module), kind)
    return found
