"""Growth behind something that was freed once during a leak check."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from pytest_memguard.core.leak_finding import Answer
from pytest_memguard.leaks.decision import decide
from pytest_memguard.leaks.ladder import doubling
from pytest_memguard.leaks.series import Window

ROWS_OF_DJANGO = (
    *((1, 0, 0), (2, 1_920, 7_248), (3, 3_184, 14_896), (4, 4_512, 21_024), (5, -10_080, 27_344)),
    *((6, -8_736, 32_752), (7, -7_392, 38_144), (8, -6_048, 46_384), (9, -4_640, 51_744)),
    *((10, -3_344, 59_120), (11, -2_000, 64_416), (12, -592, 70_048), (13, 784, 76_480)),
    *((14, 2_128, 82_912), (15, 3_504, 89_344), (16, 4_848, 95_776), (17, 5_040, 94_608)),
    *((20, 6_384, 59_264), (21, 6_800, 52_064), (24, 7_776, 49_952), (25, 8_080, 47_792)),
    *((27, 9_328, 21_008), (30, 10_544, -3_216), (31, 11_360, -12_976), (33, 12_640, -37_776)),
    *((38, 14_832, -66_528), (41, 17_040, -60_160), (47, 5_488, -49_584), (50, 7_872, -43_536)),
    *((53, 10_192, -37_488), (58, 13_376, -27_728), (62, 15_744, -18_576), (65, 17_904, -12_368)),
)
"""Recorded: calls, bytes in blocks and heap while a `TestCase` of Django on SQLite in memory left 2,000 bytes
of heap behind at each call. SQLite frees pages of its own during the first calls, once."""

ON_FROM_THERE = 2_050


def _windows(calls: list[int], heap: Callable[[int], float]) -> list[Window]:
    return [
        Window(calls=made, blocks=100, blocks_bytes=6_400, heap_bytes=round(heap(made))) for made in calls
    ]


def _ladder(most: int) -> list[int]:
    calls = list(range(1, 10))
    while calls[-1] < most:
        calls += itertools.accumulate(doubling(calls[-1] - 1), initial=calls.pop())
    return calls


def _recorded(most: int) -> list[Window]:
    rows = [Window(calls=calls, blocks_bytes=small, heap_bytes=heap) for calls, small, heap in ROWS_OF_DJANGO]
    last = rows[-1]
    return rows + [
        Window(
            calls=calls,
            blocks_bytes=last.blocks_bytes,
            heap_bytes=(last.heap_bytes or 0) + ON_FROM_THERE * (calls - last.calls),
        )
        for calls in _ladder(most)
        if calls > last.calls
    ]


def test_a_leak_that_ends_below_its_start_is_followed() -> None:
    """Within 64 calls the heap ended below its start, which passed for a body that settles."""
    assert decide(_recorded(64)).answer is Answer.CANNOT_TELL
    growth = decide(_recorded(256))
    assert growth.answer is Answer.LEAKS
    assert growth.bytes_per_call == pytest.approx(ON_FROM_THERE, rel=0.05)


@pytest.mark.parametrize("size_bytes", [50_000, 300_000, 5_000_000])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.45, 0.7, 0.95])
@pytest.mark.parametrize("steps", [1, 5])
def test_nothing_that_is_freed_once_lets_a_leak_settle(size_bytes: int, share: float, steps: int) -> None:
    def heap(made: int) -> float:
        freed = sum(made >= share * 256 + 3 * step for step in range(steps))
        return 2_000 * made - size_bytes * freed / steps

    assert decide(_windows(_ladder(256), heap), is_last=True).answer is not Answer.SETTLES
    if size_bytes > share * 256 * 2_000:
        assert decide(_windows(_ladder(1_024), heap), is_last=True).answer is Answer.LEAKS


def test_files_that_are_closed_once_hide_none_that_stay_open() -> None:
    windows = [
        Window(calls=made, blocks=100, counts={"files": 50 + made - 40 * (made >= 20)})
        for made in _ladder(128)
    ]
    (count,) = decide(windows, is_last=True).counts
    assert count.per_call == pytest.approx(1)


@pytest.mark.parametrize(
    "heap",
    [
        lambda made: -3_000_000 * (made >= 100),
        lambda made: 2_000 * (made % 60),
        lambda made: 2_000 * (made if made < 75 else 50 + made % 25),
        lambda made: 40_000 * min(made, 30) - 900_000 * (made >= 100),
    ],
    ids=["freed once", "cleared now and then", "pruned now and then", "filled, then freed"],
)
def test_what_is_freed_makes_no_leak_of_a_clean_body(heap: Callable[[int], float]) -> None:
    assert decide(_windows(_ladder(256), heap), is_last=True).answer is Answer.SETTLES


@pytest.mark.parametrize("period", [140, 160, 200, 240])
def test_a_cache_that_is_cleared_once_within_the_calls_is_no_leak(period: int) -> None:
    assert decide(_windows(_ladder(256), lambda made: 2_000 * (made % period)), is_last=True).answer in (
        Answer.CANNOT_TELL,
        Answer.SETTLES,
    )
