"""A change of an accepted entry, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.metrics import COUNTED_UNITS, LEAK_PER_CALL, METRICS, SETTLED
from pytest_memguard.core.units import format_change


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that is added, rewritten, or removed where `new` is absent."""

    test_id: str
    old: Entry | None
    new: Entry | None

    @property
    def description(self) -> str:
        """Say in one line what changes.

        >>> Change("t.py::a", Entry({"peak": 32505856}), Entry({"peak": 50541363})).description
        't.py::a  peak 31.0 MiB -> 48.2 MiB (+55.5%)'
        >>> Change("t.py::a", Entry({"settled": 9}), Entry({"settled": 0, "leak_per_call": 72})).description
        't.py::a  leak per call 72 B'
        """
        if self.new is None:
            return f"{self.test_id}  removed"
        return f"{self.test_id}  {self.figures or 'note or sites changed'}"

    @property
    def figures(self) -> str:
        """Say which figures change, and from what to what; empty if none does."""
        return "" if self.new is None else ", ".join(_differences(self.old, self.new))

    @property
    def loosened(self) -> tuple[str, ...]:
        """Say what lets the test grow beside its figures: how far they vary, and counts that are not told.

        >>> Change("t.py::a", Entry({"peak": 9}), Entry({"peak": 9}, spread={"peak": 70})).loosened
        ('peak may vary by 70 B, was 0 B',)
        """
        if self.new is None:
            return ()
        spread, metrics = (self.old.spread, self.old.metrics) if self.old is not None else ({}, {})
        parts = []
        for name, metric in METRICS.items():
            was, now = spread.get(name, 0), self.new.spread.get(name, 0)
            if now > was:
                parts.append(f"{metric.label} may vary by {metric.text(now)}, was {metric.text(was)}")
            was, now = metrics.get(name, 0), self.new.metrics.get(name, 0)
            if (
                not metric.is_gated
                and self.old is not None
                and now > was
                and metric.label not in self.figures
            ):
                parts.append(f"{metric.label} {' -> '.join(metric.texts(was, now))}")
        return tuple(parts)


def _differences(old: Entry | None, new: Entry) -> list[str]:
    parts: list[str] = []
    for name, metric in METRICS.items():
        before = None if old is None else old.metrics.get(name)
        after = new.metrics.get(name)
        is_told = metric.is_gated or (before is not None and not parts)  # allocations alone say little
        if before is not None and after is None:
            parts.append(f"{metric.label} dropped")
        leaks_instead = name == SETTLED and new.metrics.get(LEAK_PER_CALL)
        if after is None or before == after or not is_told or leaks_instead:
            continue
        varies = f" (varies by {metric.text(new.spread[name])})" if name in new.spread else ""
        if before is None:
            parts.append(f"{metric.label} {metric.text(after)}{varies}")
        else:
            share = "" if metric.is_count else format_change(after, before)
            figures = " -> ".join(metric.texts(before, after))
            parts.append(f"{metric.label} {figures}{f' ({share})' if share else ''}{varies}")
    return parts + _count_differences(old.leaks_per_1000_calls if old else {}, new.leaks_per_1000_calls)


def _count_differences(old: Mapping[str, int], new: Mapping[str, int]) -> list[str]:
    """Say which rates of what leaks beside bytes change."""
    parts = []
    for unit in COUNTED_UNITS:
        before, after = old.get(unit, 0), new.get(unit, 0)
        if before != after:
            figures = f"{before:,} -> {after:,}" if before else f"{after:,}"
            parts.append(f"{unit} per 1,000 calls {figures}")
    return parts
