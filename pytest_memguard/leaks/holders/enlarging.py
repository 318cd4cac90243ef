"""Finds plain values that get larger, such as a text or a tuple that a longer one replaces at each call.

The collector does not track them, so no container gets longer and no new object is seen.
"""

from __future__ import annotations

import gc
import io
import itertools
import sys
import types
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from pytest_memguard.core.real_types import is_a
from pytest_memguard.core.units import MIB
from pytest_memguard.leaks.holders.bounds import has_bound
from pytest_memguard.leaks.holders.content import size_bytes
from pytest_memguard.leaks.holders.databases import grown_databases
from pytest_memguard.leaks.holders.gaining import FEW_CALLS
from pytest_memguard.leaks.holders.object_names import is_ours, referents
from pytest_memguard.leaks.holders.objects import all_objects
from pytest_memguard.leaks.series import Window, held_series

_ROUNDS = 2
_ROUNDS_ALONE = 5
"""Further rounds must never leave a value smaller, and more than half of them a larger one.

One that goes up and down hardly ever does that. More rounds are made where readings prove no growth.
"""

_FIRST_SHARE = 8
_FIRST_LEAST_CALLS = 32
"""A round makes half of a few calls, for a buffer grows by an eighth at a time, or an eighth of many."""

_LARGE_BYTES = MIB
"""After a value of this size the time is checked: the next one may be as large."""

_LEAST_BYTES = 4
"""By how much a value must grow at each call."""

_LEVEL_CALLS = 2
_FEW_LEVEL_CALLS = 64
"""If no call added anything, so many are made in a round, in checks of at most 64 calls.

An allocator's own cache, such as that of numpy for up to 1 KiB, may hide what a value gains.
"""

_SHARED = frozenset({type(None), bool, types.CodeType, types.BuiltinFunctionType})
_BUFFERS = frozenset({array, io.BytesIO, io.StringIO})
"""The collector tracks these for the sake of their classes; they hold nothing but plain memory."""

_ATOMS = frozenset({int, float, str, bytes, bytearray})
_VALUES = _ATOMS | _BUFFERS

_FIXED = frozenset({type, types.FunctionType, types.BuiltinFunctionType, types.WrapperDescriptorType})
"""Objects of these types hold no values that change, other than in a dict of their own."""


@dataclass(frozen=True, slots=True)
class Enlarging:
    """A value that gets larger."""

    value: object

    def find(self) -> object:
        """Return the value; where what held it is gone, nothing leads to it."""
        return self.value


def calls_each_round(windows: Sequence[Window]) -> int:
    """Return how many calls tell whether a value gets larger; 0 if the readings of many calls tell it."""
    calls = windows[-1].calls - windows[0].calls
    held = held_series(windows)
    if calls <= FEW_CALLS and any(before < after for before, after in itertools.pairwise(held[1:])):
        return max(2, min(calls // 2, _FIRST_LEAST_CALLS), calls // _FIRST_SHARE)
    return _LEVEL_CALLS if calls <= _FEW_LEVEL_CALLS else 0


def enlarging_values(
    repeat: Callable[[int], object], each: int, *, tick: Callable[[], None] = lambda: None
) -> list[Enlarging]:
    """Make rounds of further calls after those of a check, and return the values that each leaves larger."""
    least = _LEAST_BYTES * each * _ROUNDS_ALONE
    found = enlarging(repeat, 2 * each, least_bytes=least, tick=tick, rounds=_ROUNDS_ALONE)
    return [Enlarging(one) for one in found if not has_bound(one)]


def growing_alone(
    repeat: Callable[[int], object], calls: int, *, least_bytes: float, tick: Callable[[], None]
) -> list[object]:
    """Return the plain values that get larger, or the databases in memory: none of them gains an object."""
    return enlarging(repeat, calls, least_bytes=least_bytes, tick=tick) or grown_databases(
        repeat, calls, least_bytes=least_bytes, tick=tick
    )


def enlarging(
    repeat: Callable[[int], object],
    calls: int,
    *,
    least_bytes: float,
    tick: Callable[[], None],
    rounds: int = _ROUNDS,
) -> list[object]:
    """Make a round of half the calls, and some more, and return the values that took more memory after each.

    `least_bytes` is by how much they grow in all the further `rounds`.
    """
    half = max(1, calls // 2)
    before: dict[int, int] = {}
    for one, size in _plain_bytes(tick, but=before):
        before[id(one)] = size
    repeat(half)
    gc.collect(0)  # which tells tuples and dicts of plain values from others
    known: list[tuple[object, list[list[int]]]] = []
    for one, size in _plain_bytes(tick, but=before):
        if size - before.get(id(one), size) >= least_bytes / (2 * rounds) and not is_ours(one):
            known.append((one, [_sizes(one, tick)]))
    most = rounds // 2 + 1
    for left in reversed(range(rounds)):
        if not known:
            return []
        repeat(half)
        gc.collect(0)
        for one, series in known:
            series.append(_sizes(one, tick))
        rising = partial(_rises, least=most - left)
        known = [(one, series) for one, series in known if any(map(rising, zip(*series, strict=False)))]
    found = {
        id(value): value
        for one, series in known
        for value, *sizes in zip(_plain_values(one), *series, strict=False)
        if _rises(sizes, most) and sizes[-1] - sizes[0] >= least_bytes
    }
    return list(found.values())


def _plain_bytes(tick: Callable[[], None], but: object) -> Iterator[tuple[object, int]]:
    """Yield each object that leads to plain values, with their bytes; `but` is passed over."""
    known: dict[int, int] = {}
    for one in all_objects(tick):
        values = _plain_values(one) if one is not but else ()
        size = sum(_value_bytes(value, known, tick) for value in values)
        if size:
            yield one, size


def _summed_bytes(value: object, known: dict[int, int], tick: Callable[[], None]) -> int:
    """Return the bytes of a value and of what it leads to, and add those of all of them to `known`.

    What several lead to counts in each, so that every value is looked at once, however many lead to it.
    """
    waiting = [] if id(value) in known else [value]
    while waiting:
        one = waiting[-1]
        inner = _plain_values(one)
        known.setdefault(id(one), 0)  # until all that it leads to is known
        unknown = [each for each in inner if type(each) not in _ATOMS and id(each) not in known]
        if unknown:
            waiting += unknown
            continue
        waiting.pop()
        known[id(one)] = _own_bytes(one) + sum(
            sys.getsizeof(each) if type(each) in _ATOMS else known[id(each)] for each in inner
        )
        if known[id(one)] >= _LARGE_BYTES:
            tick()
    return known[id(value)]


def _rises(sizes: Sequence[int], least: int) -> bool:
    """Say whether sizes never fall, and rise at least so often."""
    steps = [after - before for before, after in itertools.pairwise(sizes)]
    return min(steps) >= 0 and sum(step > 0 for step in steps) >= least


def _sizes(one: object, tick: Callable[[], None]) -> list[int]:
    """Return the bytes of each plain value of an object, with all that it leads to."""
    known: dict[int, int] = {}
    return [_value_bytes(value, known, tick) for value in _plain_values(one)]


def _value_bytes(value: object, known: dict[int, int], tick: Callable[[], None]) -> int:
    """Return the bytes of a plain value and of what it leads to; `known` has those of earlier ones."""
    return sys.getsizeof(value) if type(value) in _ATOMS else _summed_bytes(value, known, tick)


def _own_bytes(one: object) -> int:
    """Return the bytes of one value, with those of the text in a buffer, or of what a view shows."""
    size = size_bytes(one)
    if type(one) is io.StringIO:
        with suppress(ValueError):  # it is closed
            size += len(one.getvalue())
    return max(size, type(one).__basicsize__ + _viewed_bytes(one))


def _viewed_bytes(one: object) -> int:
    """Return how many bytes a view shows, such as one of numpy, which hides from the collector what it views.

    Only an attribute in C is read, since one in Python would run code of its class.
    """
    for kind in type(one).__mro__:
        shown = vars(kind).get("nbytes")
        if type(shown) is types.GetSetDescriptorType:
            with suppress(Exception):  # an extension may answer with any error
                return int(shown.__get__(one))
    return 0


def _plain_values(one: object) -> list[object]:
    """Return the buffers an object refers to, and what the collector does not track but classes and code."""
    if type(one) in _FIXED:
        return []
    if type(one) in _BUFFERS:
        return [one]
    return [
        inner
        for inner in referents(one)
        if type(inner) in _VALUES or not (type(inner) in _SHARED or gc.is_tracked(inner) or is_a(inner, type))
    ]
