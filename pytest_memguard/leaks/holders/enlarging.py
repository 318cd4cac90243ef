"""Finds plain values that get larger, such as a text or a tuple that a longer one replaces at each call.

The collector does not track them, so no container gets longer and no new object is seen.
"""

from __future__ import annotations

import gc
import io
import itertools
import types
from array import array
from collections.abc import Callable

from pytest_memguard.leaks.holders.content import size_bytes
from pytest_memguard.leaks.holders.naming import is_a, is_ours, referents
from pytest_memguard.leaks.holders.objects import all_objects

_ROUNDS = 2
"""Further rounds must show a value larger again; one that goes up and down hardly ever rises so often."""

_SHARED = frozenset({type(None), bool, float, types.CodeType, types.BuiltinFunctionType})
_BUFFERS = frozenset({array, io.BytesIO})
"""The collector tracks these for the sake of their classes; they hold nothing but plain memory."""

_FIXED = frozenset({type, types.FunctionType, types.BuiltinFunctionType, types.WrapperDescriptorType})
"""Objects of these types hold no values that change, other than in a dict of their own."""


def enlarging(
    repeat: Callable[[int], object], calls: int, *, least_bytes: float, tick: Callable[[], None]
) -> list[object]:
    """Make three rounds of half the calls and return the values that took more memory after each.

    `least_bytes` is by how much they grow in as many calls as the last two rounds make.
    """
    half = max(1, calls // 2)
    before = {id(one): sum(_sizes(one)) for one in all_objects(tick) if not is_ours(one)}
    repeat(half)
    gc.collect(0)  # which tells tuples and dicts of plain values from others
    known: list[tuple[object, list[list[int]]]] = []
    for one in all_objects(tick):
        was = before.get(id(one))
        if was is not None and one is not before and sum(sizes := _sizes(one)) - was >= least_bytes / 4:
            known.append((one, [sizes]))
    for _ in range(_ROUNDS):
        if known:
            repeat(half)
            gc.collect(0)
        for one, series in known:
            series.append(_sizes(one))
    return [
        value
        for one, series in known
        for value, *sizes in zip(_plain_values(one), *series, strict=False)
        if _rises(sizes) and sizes[-1] - sizes[0] >= least_bytes
    ]


def _rises(sizes: list[int]) -> bool:
    return all(before < after for before, after in itertools.pairwise(sizes))


def _sizes(one: object) -> list[int]:
    """Return the bytes of each plain value of an object, with all that it leads to."""
    return [_deep_bytes(value) for value in _plain_values(one)]


def _deep_bytes(value: object) -> int:
    waiting, seen, size = [value], {id(value)}, 0
    while waiting:
        one = waiting.pop()
        size += size_bytes(one)
        inner = [each for each in _plain_values(one) if id(each) not in seen]
        waiting += inner
        seen.update(map(id, inner))
    return size


def _plain_values(one: object) -> list[object]:
    """Return what an object refers to and the collector does not track; classes and code are no values."""
    if type(one) in _FIXED:
        return []
    if type(one) in _BUFFERS:
        return [one]
    return [
        inner
        for inner in referents(one)
        if not gc.is_tracked(inner) and type(inner) not in _SHARED and not is_a(inner, type)
    ]
