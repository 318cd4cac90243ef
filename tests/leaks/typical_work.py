"""Work for a body, of which a leak check makes as many calls on every machine."""

from __future__ import annotations

_LOOPS_PER_MILLISECOND = 20
"""Of the loop that a check compares the cost of calls with, on the machine that it takes for typical."""


def work(milliseconds: int) -> None:
    """Take so many milliseconds of a typical machine; a time by the clock costs more calls on a quick one."""
    for _ in range(_LOOPS_PER_MILLISECOND * milliseconds):
        total = 0
        for number in range(1_000):
            total += number
