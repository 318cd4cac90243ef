"""Windows across renewals of fixtures: what renewing leaves behind by itself is taken out, and no more."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import pytest

from pytest_memguard.core.leak_finding import Answer, LeakFinding
from pytest_memguard.leaks.across_renewals import EMPTY_WINDOWS, WINDOWS, read_across, without_renewals
from pytest_memguard.leaks.decision import decide
from pytest_memguard.leaks.series import Window

STEP = 1365
ARENA_BYTES = 1_032_192
DOZEN = 12
REGISTRY: list[object] = []
RENEWALS = itertools.count(1)


def windows_of(empty_bytes: int, calls_bytes: int) -> list[Window]:
    """Return readings: what each empty renewal and each window of calls add to resident memory."""
    calls = [1 + number for number in range(1 + EMPTY_WINDOWS)]
    calls += [calls[-1] + STEP * (1 + number) for number in range(WINDOWS)]
    steps = [0] + [empty_bytes] * EMPTY_WINDOWS + [calls_bytes] * WINDOWS
    return [
        Window(
            calls=made,
            blocks=500_000,
            heap_bytes=23_000_000,
            resident_bytes=100_000_000 + sum(steps[: 1 + number]),
        )
        for number, made in enumerate(calls)
    ]


def test_memory_that_goes_back_to_the_system_while_renewals_warm_up_is_no_leak() -> None:
    assert decide(without_renewals(windows_of(-ARENA_BYTES, 0)), is_last=True).answer is Answer.SETTLES


def test_what_each_renewal_leaves_behind_is_not_the_body_s() -> None:
    assert (
        decide(without_renewals(windows_of(ARENA_BYTES, ARENA_BYTES)), is_last=True).answer is Answer.SETTLES
    )


def test_what_the_calls_leave_behind_stays() -> None:
    growth = decide(without_renewals(windows_of(0, ARENA_BYTES)), is_last=True)
    assert growth.answer is Answer.LEAKS
    assert growth.signals == ("rss",)
    assert growth.bytes_per_call == round(ARENA_BYTES / (STEP - 1))


@contextmanager
def calling_beside_a_registry() -> Iterator[Callable[[], object]]:
    """Set up for calls of a body that leaves nothing; a library adds to its registry at each tear-down."""
    made: list[object] = []
    yield lambda: made.append([None])
    REGISTRY.extend(bytearray(50) for _ in range(8 if len(made) > 1 else 0))
    if next(RENEWALS) % DOZEN == 0:
        REGISTRY.clear()


def windows_beside_a_registry() -> tuple[Window, ...]:
    finding = LeakFinding(leaking=True, bytes_per_call=200, calls=600)
    return without_renewals(read_across(calling_beside_a_registry, finding, step=340))


def test_what_a_library_clears_every_dozen_renewals_is_neither_leak_nor_doubt() -> None:
    # In a process of its own: the thread of pytest-xdist is sent the next tests at any time.
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
        windows = process.submit(windows_beside_a_registry).result()
    assert decide(windows[: 1 + WINDOWS], is_last=True).answer is not Answer.SETTLES
    assert decide(windows, is_last=True).answer is Answer.SETTLES


@pytest.mark.parametrize("at", [number for number in range(1, 3 * DOZEN) if number != 2 * DOZEN + 6])
def test_what_something_else_adds_once_to_what_is_cleared_is_no_leak(at: int) -> None:
    """Where it is added in the very window in which as much is cleared, nobody can see either."""
    cleared = [16 * ((number + 6) % DOZEN) for number in range(1 + 3 * DOZEN)]
    windows = [
        Window(
            calls=340 * number, blocks=500_000 + held + (170 if number >= at else 0), heap_bytes=14_000_000
        )
        for number, held in enumerate(cleared)
    ]
    assert decide(windows, is_last=True).answer is not Answer.LEAKS
