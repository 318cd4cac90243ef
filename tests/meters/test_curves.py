"""Curves: few points, no peak lost, and the same length as what they were made from."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.core.sample import CURVE_POINTS, Curve
from pytest_memguard.meters.curves import CurveOfRecords, curve_of_snapshots


class Snapshot(NamedTuple):
    time: int
    heap: int


@given(held=st.lists(st.integers(0, 2**40), min_size=1, max_size=1_000), at_once=st.integers(1, 300))
def test_a_curve_of_records_keeps_the_peak_and_the_end(held: list[int], at_once: int) -> None:
    curve_of = CurveOfRecords()
    for start in range(0, len(held), at_once):
        curve_of.add(held[start : start + at_once])
    curve = curve_of.curve()
    assert curve is not None
    assert curve.length == len(held)
    assert max(curve.held_bytes) == max(held)
    assert len(curve.held_bytes) <= CURVE_POINTS
    assert len(curve.held_bytes) >= min(len(held), CURVE_POINTS // 2)
    part = -(-len(held) // len(curve.held_bytes))
    assert curve.held_bytes[-1] in held[-2 * part :]


def test_nothing_allocated_makes_no_curve() -> None:
    assert CurveOfRecords().curve() is None


def test_what_falls_between_two_snapshots_is_as_it_was_before() -> None:
    snapshots = [Snapshot(1000, 0), Snapshot(1010, 50), Snapshot(1020, 80), Snapshot(1100, 20)]
    assert curve_of_snapshots(snapshots) == Curve("ms", 100, (80, 80, 80, 20))


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 2**40)), min_size=4, max_size=500))
def test_a_curve_of_snapshots_keeps_the_peak(taken: list[tuple[int, int]]) -> None:
    snapshots = [Snapshot(*one) for one in sorted(taken)]
    curve = curve_of_snapshots(snapshots)
    assert curve is not None
    assert len(curve.held_bytes) <= CURVE_POINTS
    assert max(curve.held_bytes) == max(heap for _, heap in taken)
    assert curve.length == snapshots[-1].time - snapshots[0].time


def test_few_snapshots_show_nothing() -> None:
    assert curve_of_snapshots([Snapshot(0, 1), Snapshot(10, 2), Snapshot(20, 3)]) is None
