"""Stands in for a meter where none works: it measures nothing, and gives the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

from pytest_memguard.meters.protocol import PLAIN, MeterError, SampleOptions
from pytest_memguard.meters.site_namer import SiteNamer
from pytest_memguard.meters.stacks import Survivor


class MissingMeter:
    """Raises `MeterError` with the reason for whatever is to be measured."""

    name = "none"
    counts_allocations = False
    follows_forks = False
    names_peaks = True  # nothing is gained by another look
    sees_heap = False

    def __init__(self, namer: SiteNamer, reason: str) -> None:
        self.namer = namer
        self.reason = reason
        self.label = f"nothing is measured, since {reason}"

    def recording(self, options: SampleOptions = PLAIN) -> NoReturn:  # noqa: ARG002 - the contract's arguments
        """Refuse to prepare a sample."""
        raise MeterError(self.reason)

    def made_with(self) -> Mapping[str, str]:
        """Return nothing: there are no numbers."""
        return {}

    def survivors(self, body: Callable[[], None], *, native: bool = False) -> list[Survivor]:  # noqa: ARG002 - as above
        """Refuse to trace anything."""
        raise MeterError(self.reason)

    def keep_last(self, destination: str, *, survivors: bool = False) -> bool:  # noqa: ARG002 - as above
        """Return False: there is no capture."""
        return False

    def close(self) -> None:
        """Leave nothing behind."""
