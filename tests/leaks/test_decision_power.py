"""The ladder and the decision of a leak check, on checks that are played over recorded clean readings."""

from __future__ import annotations

import json
import random

import pytest

from benchmarks.clean_series import RECORDED
from benchmarks.leak_power import COSTS, MUCH_BYTES, Gathered, Play, Record, rhythms, tables
from pytest_memguard.core.leak_finding import Answer
from pytest_memguard.leaks.ladder import ROWS, SINGLE_CALLS, doubling, most_calls_for, reach_of

RECORDS = [
    Record(name, stored, stored["microseconds"])
    for name, stored in json.loads(RECORDED.read_text(encoding="utf-8"))["series"].items()
]
LEVEL = [record for record in RECORDS if not record.fills]
STEADY = ("nothing", "json", "exceptions", "sha", "xml")
CHECKED = ("200 us", "10 ms", "50 ms")


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_a_recorded_clean_body_settles(record: Record) -> None:
    play = Play(record)
    growth = play.check(reach_of(record.call_seconds, budget_seconds=1.0))
    assert growth.answer is Answer.SETTLES, growth


@pytest.mark.parametrize("cost", CHECKED)
def test_tables_of_the_interpreter_make_no_leak_of_a_clean_body(cost: str) -> None:
    draw = random.Random(cost)
    reach = reach_of(COSTS[cost], budget_seconds=1.0)
    for _ in range(60):
        play = Play(draw.choice(LEVEL), tables=list(tables(draw, reach.last)))
        assert play.check(reach).answer is not Answer.LEAKS


@pytest.mark.parametrize("name", rhythms())
@pytest.mark.parametrize("cost", CHECKED)
def test_no_leak_of_a_megabyte_settles_whatever_its_rhythm(cost: str, name: str) -> None:
    draw = random.Random(f"{cost} {name}")
    reach = reach_of(COSTS[cost], budget_seconds=1.0)
    for size_bytes in (20_000, 100_000, 1_000_000):
        play = Play(draw.choice(LEVEL), events=rhythms()[name](draw, reach), size_bytes=size_bytes)
        answer = play.check(reach).answer
        if play.left_in_check >= MUCH_BYTES and play.events_in_check > 1:
            assert answer is not Answer.SETTLES


def test_a_leak_of_a_megabyte_that_gets_ever_rarer_hardly_ever_settles() -> None:
    passed = 0
    for cost in ("200 us", "1 ms", "2 ms", "10 ms"):
        draw = random.Random(cost)
        reach = reach_of(COSTS[cost], budget_seconds=1.0)
        for number in range(60):
            events = rhythms()[f"slower, {(20, 100)[number % 2]} in all"](draw, reach)
            play = Play(draw.choice(LEVEL), events=events, size_bytes=(100_000, 1_000_000)[number % 2])
            answer = play.check(reach).answer
            passed += answer is Answer.SETTLES and play.left_in_check >= MUCH_BYTES
    assert passed <= 2  # of 240


@pytest.mark.parametrize(
    ("call", "size_bytes", "answer"),
    [
        (3, 1_000_000, Answer.SETTLES),
        (7, 1_000_000, Answer.CANNOT_TELL),
        (9, 1_000_000, Answer.CANNOT_TELL),
        (9, 100_000, Answer.SETTLES),
    ],
)
def test_a_megabyte_at_one_of_few_calls_settles_only_after_enough_others(
    call: int, size_bytes: int, answer: Answer
) -> None:
    for record in (record for record in LEVEL if record.name in STEADY):
        play = Play(record, events=[call], size_bytes=size_bytes)
        assert play.check(reach_of(1.0, budget_seconds=1.0)).answer is answer, record.name


@pytest.mark.parametrize(
    ("places", "settles"),
    [((950, 5_500), True), ((700, 1_400, 2_800, 5_600), False)],
    ids=["names that come and go", "an entry a call"],
)
def test_a_table_that_doubles_settles_only_if_it_gets_rarer(places: tuple[int, ...], settles: bool) -> None:
    record = next(one for one in LEVEL if one.name == STEADY[0])
    play = Play(record, tables=[(place, 147_456 << number) for number, place in enumerate(places)])
    assert (play.check(reach_of(1e-3, budget_seconds=1.0)).answer is Answer.SETTLES) is settles


@pytest.mark.parametrize(
    ("jumps", "settles"),
    [
        (((7, 1), (950, 1), (5_500, 2)), True),
        (((900, 1), (950, 1), (5_500, 2), (5_900, 2)), True),
        (((7, 1), (950, 1), (5_500, 1)), False),
        (((7, 1), (950, 1), (14_000, 2)), False),
    ],
    ids=["classes that come and go", "both twice", "jumps alike", "one of them late"],
)
def test_two_tables_settle_if_each_gets_rarer(jumps: tuple[tuple[int, int], ...], settles: bool) -> None:
    record = next(one for one in LEVEL if one.name == STEADY[0])
    play = Play(record, tables=[(place, 147_456 * times) for place, times in jumps])
    assert (play.check(reach_of(5e-4, budget_seconds=1.0)).answer is Answer.SETTLES) is settles


@pytest.mark.parametrize(
    ("call_seconds", "entries"),
    [(1e-5, 8_200), (1e-5, 9_000), (1e-5, 30_000), (1e-4, 8_200), (1e-4, 9_000), (5e-4, 3_000), (2e-3, 700)],
)
@pytest.mark.parametrize("before", [0, 0.4])
def test_a_cache_that_is_cleared_now_and_then_settles(
    call_seconds: float, entries: int, before: float
) -> None:
    for record in (record for record in LEVEL if record.name in STEADY):
        play = Play(record, gathered=Gathered(entries, 100, int(before * entries)))
        growth = play.check(reach_of(call_seconds, budget_seconds=1.0))
        assert growth.answer is Answer.SETTLES, (record.name, growth)


@pytest.mark.parametrize("cost", ["10 us", "200 us", "1 ms", "10 ms"])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.61])
def test_a_cache_that_is_full_before_the_check_ends_settles(cost: str, share: float) -> None:
    reach = reach_of(COSTS[cost], budget_seconds=1.0)
    entries = int(share * reach.most)
    for record in (record for record in LEVEL if record.name in STEADY):
        play = Play(record, events=range(1, entries + 1), size_bytes=237)
        growth = play.check(reach)
        assert growth.answer is Answer.SETTLES, (record.name, growth)


def test_each_doubling_is_read_at_uneven_steps() -> None:
    for made in (SINGLE_CALLS, 16, 64, 1_024, 16_384):
        steps = doubling(made)
        assert sum(steps) == made
        assert len(steps) == min(ROWS, made)
        assert min(steps) >= 1
    assert len(set(doubling(1_024))) > 1


@pytest.mark.parametrize(
    ("seconds", "calls", "most"),
    [
        (1e-6, 16_384, 65_536),
        (1e-3, 1_024, 4_096),
        (2.5e-3, 512, 4_096),
        (10e-3, 64, 256),
        (0.1, 16, 64),
        (3.0, 8, 16),
    ],
)
def test_calls_by_the_cost_of_one(seconds: float, calls: int, most: int) -> None:
    reach = reach_of(seconds, budget_seconds=1.0)
    assert (reach.calls, reach.most) == (calls, most)
    assert reach_of(seconds / 4, budget_seconds=0.25) == reach


def test_what_grows_fast_gets_fewer_calls() -> None:
    gib = 1024**3
    assert most_calls_for(bytes_per_call=0, counts_per_call=0, ceiling_bytes=gib) == 262_144
    assert most_calls_for(bytes_per_call=1_000_000, counts_per_call=0, ceiling_bytes=gib) == 256
    assert most_calls_for(bytes_per_call=0, counts_per_call=1, ceiling_bytes=gib) == 128
    assert most_calls_for(bytes_per_call=gib, counts_per_call=0, ceiling_bytes=gib) == SINGLE_CALLS
