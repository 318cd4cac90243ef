"""What a check takes a call to cost, on a machine whose speed changes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import pytest

from pytest_memguard.leaks import cost
from pytest_memguard.leaks.repeating import Repeater

SINGLE, LATER = 8, 64


class Machine:
    """A body of one millisecond, on a machine that is slower by some factor during each reading."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.slower = 1.0
        self.calls = 0
        monkeypatch.setattr(cost, "_reference", lambda: 50e-6 * self.slower)

    def __call__(self, times: int) -> float:
        self.calls += times
        return times * 1e-3 * self.slower

    def cost_after(self, readings: Iterable[float], *, more: int = 0) -> float:
        learned = cost.Cost()
        for self.slower in readings:
            learned.timed(cast("Repeater", self), 1)
        if more:
            learned.timed(cast("Repeater", self), more)
        return learned.call_seconds


@pytest.mark.parametrize(
    "slower",
    [
        pytest.param(lambda n: 1 if n < SINGLE else 2, id="busy_later"),
        pytest.param(lambda n: 2 if n < SINGLE else 1, id="busy_first"),
        pytest.param(lambda n: 0.5 if n == SINGLE else 1, id="quick_once"),
        pytest.param(lambda n: 1 + n % 3, id="busy_by_turns"),
    ],
)
def test_a_call_costs_the_same_whenever_the_machine_is_busy(
    monkeypatch: pytest.MonkeyPatch, slower: Callable[[int], float]
) -> None:
    machine = Machine(monkeypatch)
    assert machine.cost_after(map(slower, range(LATER))) == pytest.approx(1e-3)


def test_a_call_by_itself_counts_as_one_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    monkeypatch.setattr(cost, "_reference", lambda: 50e-6)  # it is in the caches again at once
    assert machine.cost_after([5.0] * SINGLE, more=0) == pytest.approx(5e-3)
    assert machine.cost_after([5.0] * SINGLE + [1.0], more=SINGLE) == pytest.approx(1e-3)
