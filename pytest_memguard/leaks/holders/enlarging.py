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
from dataclasses import dataclass
from functools import partial

from pytest_memguard.core.units import MIB
from pytest_memguard.leaks.holders.bounds import has_bound
from pytest_memguard.leaks.holders.content import size_bytes
from pytest_memguard.leaks.holders.gaining import FEW_CALLS
from pytest_memguard.leaks.holders.object_names import is_a, is_ours, referents
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

_SHARED = frozenset({type(None), bool, float, types.CodeType, types.BuiltinFunctionType})
_BUFFERS = frozenset({array, io.BytesIO, io.StringIO})
"""The collector tracks these for the sake of their classes; they hold nothing but plain memory."""

_ATOMS = frozenset({int, str, bytes, bytearray})

_FIXED = frozenset({type, types.FunctionType, types.BuiltinFunctionType, types.WrapperDescriptorType})
"""Objects of these types hold no values that change, other than in a dict of their own."""


@dataclass(frozen=True, slots=True)
class Enlarging:
    """A value that gets larger."""

    value: object

    def find(self) -> object:
        """Return the value; where what held it is gone, nothing leads to it."""
        return self.value


def may_enlarge(windows: Sequence[Window]) -> bool:
    """Say whether some of few calls added something, though too little to prove anything."""
    if windows[-1].calls - windows[0].calls > FEW_CALLS:
        return False
    held = held_series(windows)
    return any(before < after for before, after in itertools.pairwise(held[1:]))


def enlarging_values(
    repeat: Callable[[int], object], calls: int, *, tick: Callable[[], None] = lambda: None
) -> list[Enlarging]:
    """Make further calls after those of a check, and return the values that each round leaves larger."""
    each = max(2, min(calls // 2, _FIRST_LEAST_CALLS), calls // _FIRST_SHARE)
    least = _LEAST_BYTES * each * _ROUNDS_ALONE
    found = enlarging(repeat, 2 * each, least_bytes=least, tick=tick, rounds=_ROUNDS_ALONE)
    return [Enlarging(one) for one in found if not has_bound(one)]


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
            known.append((one, [_sizes(one)]))
    most = rounds // 2 + 1
    for left in reversed(range(rounds)):
        if not known:
            return []
        repeat(half)
        gc.collect(0)
        for one, series in known:
            series.append(_sizes(one))
        rising = partial(_rises, least=most - left)
        known = [(one, series) for one, series in known if any(map(rising, zip(*series, strict=False)))]
    return [
        value
        for one, series in known
        for value, *sizes in zip(_plain_values(one), *series, strict=False)
        if _rises(sizes, most) and sizes[-1] - sizes[0] >= least_bytes
    ]


def _plain_bytes(tick: Callable[[], None], but: object) -> Iterator[tuple[object, int]]:
    """Yield each object that leads to plain values, with their bytes; `but` is passed over."""
    shared: dict[int, int] = {}
    for one in all_objects(tick):
        size = 0
        for value in _plain_values(one) if one is not but else ():
            if type(value) in _ATOMS:
                size += sys.getsizeof(value)
                continue
            known = shared.get(id(value))
            if known is None:
                known = shared[id(value)] = _deep_bytes(value)
                if known >= _LARGE_BYTES:
                    tick()
            size += known
        if size:
            yield one, size


def _rises(sizes: Sequence[int], least: int) -> bool:
    """Say whether sizes never fall, and rise at least so often."""
    steps = [after - before for before, after in itertools.pairwise(sizes)]
    return min(steps) >= 0 and sum(step > 0 for step in steps) >= least


def _sizes(one: object) -> list[int]:
    """Return the bytes of each plain value of an object, with all that it leads to."""
    return [_deep_bytes(value) for value in _plain_values(one)]


def _deep_bytes(value: object) -> int:
    if type(value) in _ATOMS:
        return sys.getsizeof(value)
    inner = _plain_values(value)
    if _ATOMS.issuperset(map(type, inner)):  # as most are
        return size_bytes(value) + sum(map(sys.getsizeof, inner))
    waiting, seen, size = [value], {id(value)}, 0
    while waiting:
        one = waiting.pop()
        size += size_bytes(one) + (_characters(one) if type(one) is io.StringIO else 0)
        inner = [each for each in _plain_values(one) if id(each) not in seen]
        waiting += inner
        seen.update(map(id, inner))
    return size


def _characters(text: io.StringIO) -> int:
    """Return how many characters a buffer of text holds, which its own size does not include."""
    try:
        return len(text.getvalue())
    except ValueError:  # it is closed
        return 0


def _plain_values(one: object) -> list[object]:
    """Return what an object refers to and the collector does not track; classes and code are no values."""
    if type(one) in _FIXED:
        return []
    if type(one) in _BUFFERS:
        return [one]
    return [
        inner
        for inner in referents(one)
        if type(inner) in _ATOMS or not (type(inner) in _SHARED or gc.is_tracked(inner) or is_a(inner, type))
    ]
