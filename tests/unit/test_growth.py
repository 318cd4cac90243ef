"""The decision on series of readings, recorded and made, and the rate they show."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

import pytest

from pytest_memguard.core.leak_finding import Answer, Doubt
from pytest_memguard.core.metrics import RESIDENT
from pytest_memguard.leaks.decision import Growth, decide
from pytest_memguard.leaks.rate import STANDARD_CALLS, even_rate, leak_rate
from pytest_memguard.leaks.series import Window

ROWS = range(8192, 73729, 2048)

OBJECT_EVERY_7TH_CALL = {
    "blocks_bytes": [16 * (calls // 7) for calls in ROWS],
    "heap_bytes": [
        *(0, 2720, 4352, 8224, 10528, 13120, 16032, 16032, 19328, 23040, 23040, 27200, 31872, 31872, 37152),
        *(37152, 37152, 43072, 43072, 49728, 49728, 49728, 57216, 57216, 57216, 65664, 65664, 65664, 65664),
        *(75168, 75168, 75168, 75168),
    ],
}
"""Recorded; the heap holds the list, which is made anew an eighth longer."""

DICT_ENTRY_A_CALL = {
    "blocks_bytes": [32 * calls for calls in ROWS],
    "heap_bytes": [*[0] * 2, *[298_944] * 5, *[1_019_840] * 11, *[2_330_560] * 15],
}
"""Recorded; the heap holds the dict, which doubles."""


def _windows(blocks: Callable[[int], float], series: Mapping[str, list[int]] | None = None) -> list[Window]:
    windows = [Window(calls=calls, blocks=round(blocks(calls))) for calls in ROWS]
    for name, values in (series or {}).items():
        windows = [
            dataclasses.replace(window, **{name: value})  # type: ignore[arg-type]  # the names are those of readings
            for window, value in zip(windows, values, strict=True)
        ]
    return windows


def _filling(limit: int) -> Callable[[int], float]:
    return lambda calls: min(calls, limit)


SETTLES = {
    "nothing": lambda calls: 0,
    "filled before": _filling(4_000),
    "filled in the first half": _filling(30_000),
    "below the floor": lambda calls: calls / 100,
    "shrinks": lambda calls: -calls,
    "up and down": lambda calls: (calls // 2048 % 3) * 400,
    "little, by less and less": lambda calls: 10 * calls**0.5,
}
CANNOT_TELL = {
    "by less and less": lambda calls: 20_000 * (1 - math.exp(-calls / 20_000)),
    "one large step, late": lambda calls: 0 if calls < 50_000 else 50_000,
}
LEAKS = {
    "one a call": lambda calls: calls,
    "one in 50 calls": lambda calls: calls // 50,
    "with a sawtooth": lambda calls: calls + (calls // 2048 % 4) * 700,
    "faster and faster": lambda calls: calls**2 / 1000,
    "after a cache filled": lambda calls: calls / 5 + min(calls, 20_000) / 40,
    "in batches": lambda calls: calls // 5_000 * 5_000,
}


@pytest.mark.parametrize(
    ("answer", "name", "blocks"),
    [
        (answer, name, blocks)
        for answer, cases in (
            (Answer.SETTLES, SETTLES),
            (Answer.CANNOT_TELL, CANNOT_TELL),
            (Answer.LEAKS, LEAKS),
        )
        for name, blocks in cases.items()
    ],
    ids=lambda value: value if isinstance(value, str) and not isinstance(value, Answer) else "",
)
def test_answer_to_a_series(answer: Answer, name: str, blocks: Callable[[int], float]) -> None:
    assert decide(_windows(blocks), is_last=True).answer is answer


def test_growth_that_falls_off_is_followed_before_it_is_told() -> None:
    windows = _windows(SETTLES["little, by less and less"])
    assert decide(windows).doubt is Doubt.STILL_FALLING
    assert decide(windows, is_last=True).answer is Answer.SETTLES


@pytest.mark.parametrize(
    ("series", "blocks_per_call", "true_rate"),
    [(OBJECT_EVERY_7TH_CALL, 1 / 7, 24 / 7), (DICT_ENTRY_A_CALL, 1, 32 + 43)],
    ids=["an object every 7th call", "a dict entry a call"],
)
def test_rate_of_a_recorded_leak(
    series: dict[str, list[int]], blocks_per_call: float, true_rate: float
) -> None:
    growth = decide(_windows(lambda calls: calls * blocks_per_call, series))
    assert growth.answer is Answer.LEAKS
    assert abs(growth.bytes_per_call - true_rate) <= max(0.5, 0.15 * true_rate), growth


def _table_of(entries: int) -> int:
    """Return the bytes of a dict of so many entries: a power of two of slots, two thirds used."""
    slots = 8
    while slots * 2 // 3 < entries:
        slots *= 2
    return 20 * slots


def test_rate_of_a_table_does_not_depend_on_where_the_calls_end() -> None:
    rates = []
    for total in range(40_000, 160_000, 3_000):
        calls = list(range(total // 16, total, total // 40))
        rates.append(even_rate(calls, [100 * made + _table_of(made) for made in calls]).bytes_per_call)
    assert max(rates) <= 1.1 * min(rates)
    assert 100 + 30 < min(rates) < 100 + 60


def test_rate_of_a_table_that_quadruples_is_its_average_too() -> None:
    """As that of a set does, at 0.6 of its slots; taken for one that doubles, it would cost twice as much."""
    rates = []
    for total in range(90_000, 400_000, 10_000):
        calls = [0, *range(total // 64, total, total // 64)]
        slots = [4 ** math.ceil(math.log(max(1, made) / 0.6, 4)) for made in calls]
        values = [50 * made + 16 * many for made, many in zip(calls, slots, strict=True)]
        rates.append(even_rate(calls, values).bytes_per_call)
    average = 16 * (4 - 1) / 0.6 / math.log(4)
    assert max(rates) - 50 <= 1.05 * average
    assert min(rates) - 50 >= 0.95 * average


def test_what_a_rate_may_be_off_by_is_what_tables_come_to_or_its_own_noise() -> None:
    calls = list(range(5_000, 80_000, 2_000))
    level = even_rate(calls, [100 * made for made in calls])
    assert level.doubt_bytes == 0
    tables = even_rate(calls, [100 * made + _table_of(made) for made in calls])
    assert tables.bytes_per_call - tables.doubt_bytes == pytest.approx(100)
    noisy = even_rate(calls, [100 * made + 20_000 * (place % 2) for place, made in enumerate(calls)])
    assert 0 < noisy.doubt_bytes <= noisy.bytes_per_call / 8


@pytest.mark.parametrize("total", [2_000, 4_500, 16_000, 65_536])
def test_rate_of_growth_that_grows_is_that_of_a_standard_call(total: int) -> None:
    calls = list(range(total // 20, total, max(1, total // 33)))
    values = [500 * made + 4 * made**2 for made in calls]  # 500 bytes, and 8 more with each call
    assert even_rate(calls, values).bytes_per_call == pytest.approx(500 + 8 * STANDARD_CALLS, rel=0.1)


@pytest.mark.parametrize("knee", [200, 220, 240, 250, 256])
def test_a_rate_is_no_more_than_was_seen(knee: int) -> None:
    """Growth that begins in the midst is no power of the calls."""
    windows = [
        Window(
            calls=calls,
            blocks=10 * calls,
            blocks_bytes=900 * calls,
            heap_bytes=2 * calls + 4_000 * max(0, calls - knee),
        )
        for calls in range(128, 385, 8)
    ]
    growth = decide(windows)
    assert growth.answer is Answer.LEAKS
    assert 900 <= growth.bytes_per_call <= 902 + 4_000


def test_growth_paid_once_does_not_count_in_the_rate() -> None:
    calls = list(ROWS)
    values = [100 * made + (1_000_000 if made > 60_000 else 0) for made in calls]
    assert even_rate(calls, values).bytes_per_call == pytest.approx(100, rel=0.01)


def test_few_calls_prove_nothing() -> None:
    few = decide([Window(calls=made, blocks=made * 100) for made in range(7)])
    assert (few.answer, few.doubt) == (Answer.CANNOT_TELL, Doubt.TOO_FEW_CALLS)
    assert decide([]) == Growth(Answer.CANNOT_TELL, calls=0, doubt=Doubt.TOO_FEW_CALLS)


def test_an_object_at_each_of_eight_calls_needs_more_calls() -> None:
    few = decide([Window(calls=made, blocks=made) for made in range(1, 10)])
    assert (few.answer, few.doubt) == (Answer.CANNOT_TELL, Doubt.TOO_FEW_CALLS)
    assert decide([Window(calls=made, blocks=made) for made in range(1, 18)]).answer is Answer.LEAKS
    assert decide([Window(calls=made, blocks=min(made, 7)) for made in range(1, 10)]).answer is Answer.SETTLES


def test_eight_single_calls_that_keep_much_are_enough() -> None:
    growth = decide([Window(calls=made, blocks=made, heap_bytes=100_000 * made) for made in range(1, 10)])
    assert growth.answer is Answer.LEAKS
    assert growth.bytes_per_call == pytest.approx(100_000, rel=0.01)


@pytest.mark.parametrize("missing", [("blocks",), ("heap_bytes",), ("blocks", "heap_bytes")])
def test_every_signal_decides_alone(missing: tuple[str, ...]) -> None:
    """musl tells no heap, builds without a small-object allocator no blocks."""
    whole = [
        Window(calls=made, blocks=2 * made, heap_bytes=100 * made, resident_bytes=640 * made) for made in ROWS
    ]
    blind = dict.fromkeys(missing)
    growth = decide([dataclasses.replace(window, **blind) for window in whole])  # type: ignore[arg-type]  # as above
    assert growth.answer is Answer.LEAKS
    assert len(growth.signals) == 3 - len(missing)
    assert growth.bytes_per_call == 640


def test_counts_grow_in_their_own_unit() -> None:
    windows = [Window(calls=calls, blocks=0, counts={"threads": calls, "files": 7}) for calls in range(33)]
    (count,) = decide(windows).counts
    assert (count.unit, count.per_call) == ("threads", 1.0)


def test_a_reading_that_one_window_lacks_is_left_out() -> None:
    windows = [
        Window(calls=calls, blocks=calls, heap_bytes=None if calls == 5 else 9 * calls) for calls in range(33)
    ]
    assert decide(windows).signals == ("blocks",)


@pytest.mark.parametrize("name", LEAKS)
def test_what_was_held_before_the_first_call_says_nothing(name: str) -> None:
    assert decide(_windows(lambda calls: LEAKS[name](calls) + 10**9)).answer is Answer.LEAKS


@pytest.mark.parametrize(("heap", "doubt"), [(5_000_000, 0), (None, 1000 / 16)])
def test_a_rate_by_resident_memory_is_in_doubt_where_the_heap_is_not_counted(
    heap: int | None, doubt: float
) -> None:
    windows = [
        Window(calls, blocks=9_000, heap_bytes=heap, resident_bytes=50_000_000 + 1000 * calls)
        for calls in range(64, 4097, 64)
    ]
    rate = leak_rate(windows, (RESIDENT,))
    assert rate.bytes_per_call == pytest.approx(1000)
    assert rate.doubt_bytes == pytest.approx(doubt)


@pytest.mark.parametrize(
    ("added", "answer"),
    [
        ([512] * 8, Answer.LEAKS),
        ([512] * 5 + [-3_000] + [512] * 2, Answer.CANNOT_TELL),
        ([512, -600, 512, 0, 900, 512, -512, 512], Answer.SETTLES),
        ([4_000] + [0] * 7, Answer.SETTLES),
        ([4] * 5 + [-20] + [4] * 2, Answer.SETTLES),
    ],
    ids=["even", "beside a fall", "up and down", "paid once", "below the floor"],
)
def test_few_calls_that_nearly_all_add_something_do_not_settle(added: list[int], answer: Answer) -> None:
    heap = [sum(added[:calls]) for calls in range(len(added) + 1)]
    growth = decide([Window(calls=calls, heap_bytes=held) for calls, held in enumerate(heap)], is_last=True)
    assert growth.answer is answer
    assert growth.doubt is (Doubt.TOO_FEW_CALLS if answer is Answer.CANNOT_TELL else None)
