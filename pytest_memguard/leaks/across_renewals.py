"""Measures growth across renewals: what is left of a leak when the body's fixtures are set up again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import pairwise
from statistics import median_low

from pytest_memguard.core.leak_finding import Answer, LeakFinding
from pytest_memguard.core.units import format_size
from pytest_memguard.leaks.decision import Growth, decide
from pytest_memguard.leaks.readings import Readings
from pytest_memguard.leaks.repeating import Repeater
from pytest_memguard.leaks.series import Window, held_between, kept_between
from pytest_memguard.meters.garbage import only_new_garbage

Calling = Callable[[], AbstractContextManager[Callable[[], object]]]

EMPTY_WINDOWS = 5
WINDOWS = 12
MOST_ROUNDS = 3
"""How many renewals there are, however long they take: one to warm up, then windows of one call each, which
show what a renewal itself leaves behind, then the windows of many calls that the decision needs. There are
up to three rounds of those while it cannot tell, and two before a part of the growth is called a leak: a
library may clear something every dozen renewals."""

_LEAST_STEP = 2
_CEILING_SHARE = 8
"""A window makes at least two calls, and adds at most an eighth of the ceiling."""

_FREED_BY_CHANCE_BYTES = 4096
_SMALL_SHARE = 0.02
"""A renewal that frees no more than 4 KiB, or this share of the growth, does not free the leak."""

_NEARLY_ALL = 0.9
"""If this share of the rate survives the renewals, the fixtures do not hold the leak."""


def step_across(finding: LeakFinding, *, ceiling_bytes: int) -> int:
    """Return how many calls each window makes: as many in all as the finding rests on, within the ceiling."""
    fitting = ceiling_bytes // _CEILING_SHARE // max(1, finding.bytes_per_call)
    return max(_LEAST_STEP, min(finding.calls // WINDOWS, fitting))


def read_across(calling: Calling, finding: LeakFinding, *, step: int, at_once: int = 1) -> tuple[Window, ...]:
    """Make windows of calls, each between a set-up and a tear-down, and take a reading after each tear-down.

    `calling` sets up, yields a function that calls the body, and tears down. Raises `BodyFailedError`
    where a call fails.
    """
    readings = Readings()
    made = 0
    with only_new_garbage():
        try:
            for number in range(MOST_ROUNDS):
                for calls in (*([] if number else [1] * (1 + EMPTY_WINDOWS)), *[step] * WINDOWS):
                    made += _call_between_renewals(calling, calls, at_once)
                    readings.take(made)
                if _is_decided(finding, readings.windows(), is_first=number == 0):
                    break
            return readings.windows()
        finally:
            readings.close()


def _is_decided(finding: LeakFinding, windows: Sequence[Window], *, is_first: bool) -> bool:
    """Say whether no further round is needed; a first one does not show that a part of the growth leaks."""
    growth = decide(without_renewals(windows), is_last=True)
    is_partly_kept = growth.answer is Answer.LEAKS and not is_first
    return growth.answer is Answer.SETTLES or is_partly_kept or _survives(finding, growth)


def _call_between_renewals(calling: Calling, calls: int, at_once: int) -> int:
    """Make the calls and return how many there were; no reference to the caller of the body remains."""
    with calling() as body:
        repeat = Repeater(body, at_once)
        repeat(calls)
    return repeat.calls


def without_renewals(windows: Sequence[Window]) -> tuple[Window, ...]:
    """Return the windows of many calls without what a renewal itself leaves behind.

    A figure that falls at renewals, such as resident memory that goes back to the system, adds no growth.
    """
    empty = windows[: 1 + EMPTY_WINDOWS]
    start = windows[EMPTY_WINDOWS]
    one_call = max(1, empty[-1].calls - empty[-2].calls)

    def less(values: Sequence[int | None], number: int) -> int | None:
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        steps = [after - before for before, after in pairwise(known)]
        return known[EMPTY_WINDOWS + number] - number * max(0, median_low(steps[:EMPTY_WINDOWS]))

    return tuple(
        Window(
            calls=window.calls - start.calls - number * one_call,
            blocks=less([each.blocks for each in windows], number),
            blocks_bytes=less([each.blocks_bytes for each in windows], number),
            heap_bytes=less([each.heap_bytes for each in windows], number),
            resident_bytes=less([each.resident_bytes for each in windows], number),
            counts={
                unit: value
                for unit in window.counts
                if (value := less([each.counts.get(unit) for each in windows], number)) is not None
            },
        )
        for number, window in enumerate(windows[EMPTY_WINDOWS:])
    )


def is_freed(finding: LeakFinding, before: Window, after: Window) -> bool:
    """Say whether a renewal between two readings freed a part of what piled up."""
    freed = max(held_between(after, before), (before.resident_bytes or 0) - (after.resident_bytes or 0))
    if freed > max(_FREED_BY_CHANCE_BYTES, _SMALL_SHARE * finding.bytes_per_call * finding.calls):
        return True
    return any(
        before.counts.get(grown.unit, 0) - after.counts.get(grown.unit, 0) > 1 for grown in finding.counts
    )


def judged_across(finding: LeakFinding, windows: Sequence[Window]) -> LeakFinding:
    """Return a finding based on windows across renewals, in place of one that was made without renewals.

    Where nearly all of the growth survives the renewals, the old finding stands: it rests on more calls.
    """
    growth = decide(windows, is_last=True)
    leaking = growth.answer is Answer.LEAKS
    if _survives(finding, growth):
        return finding
    died = format_size(finding.bytes_per_call - growth.bytes_per_call)
    renewals = len(windows) + EMPTY_WINDOWS
    note = f"{died} a call pile up in its fixtures and are freed with them, as {renewals} renewals showed"
    return replace(
        finding,
        leaking=leaking,
        bytes_per_call=growth.bytes_per_call,
        doubt_bytes=growth.doubt_bytes,
        calls=growth.calls,
        settled_bytes=0 if leaking else max(0, kept_between(windows[0], windows[1:])),
        counts=growth.counts,
        doubts=finding.doubts if leaking else () if growth.doubt is None else (growth.doubt,),
        is_accelerating=growth.is_accelerating,
        note=note,
    )


def _survives(finding: LeakFinding, growth: Growth) -> bool:
    """Say whether nearly all of the growth survives the renewals."""
    is_all = growth.bytes_per_call >= _NEARLY_ALL * finding.bytes_per_call
    return growth.answer is Answer.LEAKS and is_all
