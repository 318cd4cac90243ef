"""Entries of the baseline: the accepted numbers of tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_memguard.core.metrics import METRICS


@dataclass(frozen=True, slots=True)
class EntrySite:
    """A site as the baseline stores it: file and function, no line."""

    at: str
    peak_bytes: int = 0
    retained_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """The accepted numbers of one test; `leaks_per_1000_calls` is what leaks beside bytes, by unit.

    `meter` is the name of the one that took them, empty where that is not known.
    """

    metrics: Mapping[str, int]
    spread: Mapping[str, int] = field(default_factory=dict)
    note: str = ""
    sites: tuple[EntrySite, ...] = ()
    leaks_per_1000_calls: Mapping[str, int] = field(default_factory=dict)
    meter: str = ""

    def is_of(self, meter: str) -> bool:
        """Say whether figures of that meter can be compared with it."""
        return self.meter in ("", meter)

    @property
    def is_leak_checked(self) -> bool:
        """Whether it holds what only a leak check finds out."""
        return bool(self.leaks_per_1000_calls) or any(not METRICS[name].from_samples for name in self.metrics)


@dataclass(frozen=True, slots=True)
class ModuleBaseline:
    """The accepted entries of one test module in one environment.

    `entries` is keyed by what follows the first `::` of a node id; `meter` and `made_with` say
    how the numbers were taken.
    """

    module: str
    meter: str = ""
    made_with: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
