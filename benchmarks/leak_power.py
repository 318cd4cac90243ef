"""How often the leak check errs: leaks that it passes, and clean bodies that it calls leaks.

python -m benchmarks.leak_power                   both tables, some minutes
python -m benchmarks.leak_power --trials 1000     more checks of each kind of leak
python -m benchmarks.leak_power --clean 100000    more checks of clean bodies

Checks are played: the product's own ladder asks for readings, and its own decision judges them. A body that
leaks leaves something behind in some rhythm, over the readings of a clean body that were recorded
(`benchmarks.clean_series`). A clean body is such a record, begun at any of its readings, while tables of the
interpreter are made anew: some once, some each time the calls double.
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.clean_series import MOST_CALLS, RECORDED, marks
from pytest_memguard.core.leak_finding import Answer
from pytest_memguard.leaks.decision import Growth, decide
from pytest_memguard.leaks.ladder import Reach, climb, reach_of
from pytest_memguard.leaks.series import Window

COSTS = {
    "10 us": 10e-6,
    "200 us": 200e-6,
    "1 ms": 1e-3,
    "2 ms": 2e-3,
    "4 ms": 4e-3,
    "10 ms": 10e-3,
    "50 ms": 50e-3,
    "100 ms": 100e-3,
    "1 s": 1.0,
}
SIZES = (1_000, 20_000, 100_000, 1_000_000)
MUCH_BYTES = 1_000_000
PAGE_BYTES = 4096
SMALL_BYTES = 512
COLUMNS = ("blocks", "blocks_bytes", "heap_bytes", "resident_bytes")
_FREED_SHARE = 0.3
FILLING = ("lru", "pruned", "regex", "mail", "built", "interned", "statements")
"""Bodies that hold more with more calls, up to a bound: a slower one like them would still fill."""


class Record:
    """The readings of one clean body, as many of them as were taken."""

    def __init__(self, name: str, stored: dict[str, list[int]], microseconds: int) -> None:
        self.name = name
        self.call_seconds = microseconds / 1e6
        self._columns = [list(itertools.accumulate(stored[column])) for column in COLUMNS]
        self.marks = marks(MOST_CALLS)[: len(self._columns[0])]

    def at(self, calls: int) -> list[int]:
        """Return the four figures after so many calls, or at the last reading."""
        row = min(bisect.bisect_right(self.marks, calls) - 1, len(self.marks) - 1)
        return [column[row] for column in self._columns]

    @property
    def fills(self) -> bool:
        """Whether it goes on to hold more for many calls."""
        return any(word in self.name for word in FILLING)


@dataclass(frozen=True)
class Gathered:
    """What a body gathers and clears: an entry of so many bytes a call, up to a number of entries."""

    entries: int
    size_bytes: int
    before: int = 0

    def held(self, calls: int) -> int:
        """Return the entries after so many calls."""
        return (self.before + calls) % self.entries


@dataclass
class Play:
    """A body that is played: a clean record, what is left behind after which calls, and tables made anew.

    `gathered` is what it gathers beside that, and clears now and then.
    """

    record: Record
    shift: int = 0
    events: Sequence[int] = ()
    size_bytes: int = 0
    tables: Sequence[tuple[float, int]] = ()
    gathered: Gathered = Gathered(1, 0)
    windows: list[Window] = field(default_factory=list)

    def left(self, calls: int) -> int:
        """Return how many bytes were left behind up to a call."""
        return self.size_bytes * bisect.bisect_right(self.events, calls)

    def read(self, calls: int) -> None:
        """Add the reading after so many calls."""
        start, now = self.record.at(self.shift), self.record.at(self.shift + calls)
        blocks, small, heap, resident = (after - before for before, after in zip(start, now, strict=True))
        left = self.left(calls)
        if self.size_bytes <= SMALL_BYTES:
            blocks, small = blocks + left // max(1, self.size_bytes), small + left
        else:
            heap += left
        tables = sum(size for place, size in self.tables if place <= calls)
        entries, size = self.gathered.held(calls), self.gathered.size_bytes
        blocks, small = blocks + entries, small + entries * size
        most = max(size * self.gathered.held(window.calls) for window in (*self.windows, Window(calls)))
        self.windows.append(
            Window(
                calls=calls,
                blocks=100_000 + blocks,
                blocks_bytes=8_000_000 + small,
                heap_bytes=20_000_000 + heap + tables,
                resident_bytes=90_000_000 + resident + (left + tables + most) // PAGE_BYTES * PAGE_BYTES,
            )
        )

    def check(self, reach: Reach) -> Growth:
        """Climb the ladder as a check does, and return what it decides."""
        self.read(1)
        growth = decide(self.windows)

        def judged(is_last: bool) -> Growth:
            nonlocal growth
            growth = decide(self.windows, is_last=is_last)
            return growth

        for steps in climb(lambda: reach, judged):
            for step in steps:
                self.read(self.windows[-1].calls + step)
        return growth

    @property
    def left_in_check(self) -> int:
        """The bytes left behind between the first reading and the last."""
        return self.left(self.windows[-1].calls) - self.left(self.windows[0].calls)

    @property
    def events_in_check(self) -> int:
        """How many calls left something behind between the first reading and the last."""
        first, last = self.windows[0].calls, self.windows[-1].calls
        return len({event for event in self.events if first < event <= last})


def every(number: int, most: int, draw: random.Random) -> list[int]:
    """Leak at each call of so many."""
    return list(range(draw.randrange(number) + 1, most + 2, number))


def at_random(probability: float, most: int, draw: random.Random) -> list[int]:
    """Leak at a call with some probability."""
    calls: list[int] = []
    call = 0
    while True:
        call += 1 + int(math.log(1 - draw.random()) / math.log(1 - probability))
        if call > most + 1:
            return calls
        calls.append(call)


def in_batches(number: int, most: int, draw: random.Random) -> list[int]:
    """Leak at each call of so many, one to nine times as much."""
    return [call for call in every(number, most, draw) for _ in range(draw.randrange(1, 10))]


def late(share: float, most: int, _draw: random.Random) -> list[int]:
    """Leak at each call from some share of the first calls on."""
    return list(range(int(share * most) + 1, 4 * MOST_CALLS + 2))


def faster(number: int, most: int, draw: random.Random) -> list[int]:
    """Leak ever more often: so many times in all, most of them late."""
    return sorted(int(most * draw.random() ** 0.5) + 1 for _ in range(number))


def slower(number: int, most: int, draw: random.Random) -> list[int]:
    """Leak ever less often, as the square root of the calls."""
    return sorted(int(most * draw.random() ** 2) + 1 for _ in range(number))


Rhythm = Callable[[random.Random, Reach], list[int]]


def rhythms() -> dict[str, Rhythm]:
    """Return every rhythm by its name; what is rare enough shows in a long check alone."""
    named: dict[str, Rhythm] = {}
    for number in (1, 2, 3, 7, 16, 40, 60, 100, 300, 1_000, 4_000):
        named[f"every {number}"] = _over_all(every, number)
    for share in (0.7, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.003, 0.001):
        named[f"p = {share}"] = _over_all(at_random, share)
    for number in (5, 40, 300):
        named[f"batch each {number}"] = _over_all(in_batches, number)
    for share in (0.3, 0.6, 0.8, 0.95):
        named[f"late, from {share}"] = _from_the_first(late, share)
    for number in (20, 100):
        named[f"faster, {number} in all"] = _over_all(faster, number)
        named[f"slower, {number} in all"] = _over_all(slower, number)
    return named


def _over_all(made: Callable[[Any, int, random.Random], list[int]], value: float) -> Rhythm:
    return lambda draw, reach: made(value, reach.last, draw)


def _from_the_first(made: Callable[[Any, int, random.Random], list[int]], value: float) -> Rhythm:
    return lambda draw, reach: made(value, reach.calls, draw)


def tables(draw: random.Random, most: int) -> Iterator[tuple[float, int]]:
    """Draw the tables that the interpreter makes anew during a check: where, and by how much they grow."""
    for _ in range(draw.choice((0, 0, 1, 1, 2, 3))):
        place = draw.random() * most if draw.random() < 0.5 else most ** draw.random()
        size = math.exp(draw.uniform(math.log(4e3), math.log(1e6)))
        yield place, int(size)
        for _ in range(draw.choice((0, 0, 1, 2))):
            place, size = 2 * place, 2 * size
            yield place, int(size)


def freed(draw: random.Random, most: int) -> Iterator[tuple[float, int]]:
    """Draw what is freed once, in one to twenty steps: up to 3 MB at some call of a check."""
    place = draw.random() * most if draw.random() < 0.5 else most ** draw.random()
    size = math.exp(draw.uniform(math.log(2e4), math.log(3e6)))
    steps = draw.choice((1, 1, 4, 20))
    for step in range(steps):
        yield place * (1 + 2 * step / steps), -int(size / steps)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=100, help="checks of each leak")
    parser.add_argument("--clean", type=int, default=20_000, help="checks of clean bodies")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cost", choices=COSTS, action="append", help="only bodies of this cost")
    options = parser.parse_args()
    draw = random.Random(options.seed)
    stored = json.loads(RECORDED.read_text(encoding="utf-8"))["series"]
    records = [Record(name, one, one["microseconds"]) for name, one in stored.items()]
    costs = options.cost or list(COSTS)
    if options.trials:
        print_missed(records, costs, options.trials, draw)
        print_cleared(records, costs, options.trials, draw)
    if options.clean:
        print_false_alarms(records, costs, options.clean, draw)


def print_missed(records: list[Record], costs: list[str], trials: int, draw: random.Random) -> None:
    """Print by rhythm and cost how often a leak of a megabyte and more in the check passed."""
    level = [record for record in records if not record.fills]
    print("Leaks that left 1 MB or more in a check, by at least two calls: missed / not told / found")
    print("In three of four, tables are made anew meanwhile, something else is freed once, or both.")
    print(f"| rhythm | {' | '.join(costs)} |")
    print(f"|---|{'---|' * len(costs)}")
    sums = {cost: Counter[str]() for cost in costs}
    for name, made in rhythms().items():
        row = [
            _cell(_played(level, made, reach_of(COSTS[cost], 1.0), trials, draw), sums[cost])
            for cost in costs
        ]
        print(f"| {name} | {' | '.join(row)} |", flush=True)
    print(f"| **missed** | {' | '.join(_missed(sums[cost]) for cost in costs)} |")
    print(f"| a single event passed | {' | '.join(str(sums[cost]['once']) for cost in costs)} |")


def _played(
    level: list[Record], made: Rhythm, reach: Reach, trials: int, draw: random.Random
) -> Counter[str]:
    """Play checks of one rhythm, in all sizes, and count how those ended that left much behind."""
    ends: Counter[str] = Counter()
    for number in range(trials):
        play = Play(
            draw.choice(level),
            events=made(draw, reach),
            size_bytes=SIZES[number % len(SIZES)],
            tables=_beside(number, draw, reach),
        )
        answer = play.check(reach).answer
        if play.left_in_check < MUCH_BYTES:
            continue
        if play.events_in_check < 2:
            ends["once"] += answer is Answer.SETTLES
        else:
            ends[answer.value] += 1
    return ends


def print_cleared(records: list[Record], costs: list[str], trials: int, draw: random.Random) -> None:
    """Print how checks of clean bodies end that gather entries and clear them."""
    level = [record for record in records if not record.fills]
    print("\nClean bodies that gather an entry a call and clear all now and then: leaks / not told / settles")
    print(f"| entries, as a share of a check's calls | {' | '.join(costs)} |")
    print(f"|---|{'---|' * len(costs)}")
    for least, most in itertools.pairwise((1 / 32, 1 / 8, 1 / 4, 1 / 2, 1, 2)):
        row = []
        for cost in costs:
            reach = reach_of(COSTS[cost], 1.0)
            ends: Counter[str] = Counter()
            for number in range(trials):
                entries = max(2, int(reach.calls * draw.uniform(least, most)))
                before = draw.randrange(entries) if number % 2 else 0
                gathered = Gathered(entries, draw.choice((64, 200, 1_000)), before)
                ends[Play(draw.choice(level), gathered=gathered).check(reach).answer.value] += 1
            row.append(f"{ends['leaks']} / {ends['cannot-tell']} / {ends['settles']}")
        print(f"| {least:.0%} to {most:.0%} | {' | '.join(row)} |", flush=True)


def _beside(number: int, draw: random.Random, reach: Reach) -> list[tuple[float, int]]:
    """Draw what else grows or is freed: in three checks of four, so that each goes with each size."""
    kind = number // len(SIZES) % 4
    made = list(tables(draw, reach.last)) if kind in (1, 3) else []
    return made + (list(freed(draw, reach.last)) if kind in (2, 3) else [])


def _cell(ends: Counter[str], sums: Counter[str]) -> str:
    sums.update(ends)
    if not any(ends[answer.value] for answer in Answer):
        return ""
    return f"{ends['settles']} / {ends['cannot-tell']} / {ends['leaks']}"


def _missed(ends: Counter[str]) -> str:
    return f"{ends['settles'] / max(1, sum(ends[answer.value] for answer in Answer)):.2%}"


def print_false_alarms(records: list[Record], costs: list[str], trials: int, draw: random.Random) -> None:
    """Print how often a clean body was called a leak, or could not be told."""
    print(f"\nClean bodies, tables made anew and things freed meanwhile, {trials:,} checks of each cost")
    print("| cost | leaks | not told | settles |")
    print("|---|---|---|---|")
    for cost in costs:
        reach = reach_of(COSTS[cost], 1.0)
        own = [
            record for record in records if not record.fills or reach_of(record.call_seconds, 1.0) == reach
        ]
        ends: Counter[str] = Counter()
        alarms: Counter[str] = Counter()
        for _ in range(trials):
            record = draw.choice(own)
            shift, beside = draw.choice(record.marks[:-1]), list(tables(draw, reach.last))
            if draw.random() < _FREED_SHARE:
                beside += freed(draw, reach.last)
            play = Play(record, shift=shift, tables=beside)
            answer = play.check(reach).answer
            ends[answer.value] += 1
            alarms[record.name] += answer is Answer.LEAKS
        named = ", ".join(f"{name}: {number}" for name, number in alarms.most_common(4) if number)
        print(
            f"| {cost} | {ends['leaks']} | {ends['cannot-tell']:,} | {ends['settles']:,} | {named}",
            flush=True,
        )


if __name__ == "__main__":
    main()
