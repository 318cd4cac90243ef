"""The screen: repeat a body in growing windows, untraced, and read what stays behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pytest_memguard.core.units import format_size
from pytest_memguard.leaks.ceiling import Ceiling, CeilingReached
from pytest_memguard.leaks.decision import LEAST_CALLS, Growth, Trend, decide
from pytest_memguard.leaks.ladder import (
    ENOUGH_CALLS,
    LEAST_ROWS,
    Plan,
    Spent,
    extension,
    first_plan,
    most_calls_for,
)
from pytest_memguard.leaks.rate import STANDARD_CALLS
from pytest_memguard.leaks.readings import Readings
from pytest_memguard.leaks.repeating import Repeater
from pytest_memguard.leaks.series import RESIDENT, Window, held_between, settled_bytes, signals_of

_PILOT_SHARE = 0.01
_PILOT_MOST_CALLS = 4096
_COUNTED = 8
_DEAR_SECONDS = 0.02
_DEAR_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Screened:
    """What the screen saw: the decision, the readings it rests on, and what the body settled at."""

    growth: Growth
    windows: tuple[Window, ...]
    calls: int
    settled_bytes: int
    signals: tuple[str, ...]
    note: str = ""

    @property
    def is_checked(self) -> bool:
        """Say whether the calls were enough to show a leak, or showed one."""
        return self.growth.trend is Trend.GROWS or self.growth.calls >= LEAST_CALLS


class Screen:
    """One check of one body."""

    def __init__(
        self,
        body: Callable[[], object],
        *,
        budget_seconds: float,
        ceiling_bytes: int,
        between: Callable[[], None] | None = None,
        at_once: int = 1,
    ) -> None:
        self._repeat = Repeater(body, at_once)
        self._budget_seconds = budget_seconds
        self._ceiling_bytes = ceiling_bytes
        self._between = between or (lambda: None)
        self._readings = Readings()
        self._ceiling = Ceiling(self._readings.process.resident_bytes, ceiling_bytes)
        self._spent = Spent(budget_seconds)
        self._first_row = 1
        self._hidden = False
        self._most_calls = 0

    def run(self) -> Screened:
        """Make the calls and decide; raises `BodyFailedError` where a call fails."""
        try:
            with self._ceiling:
                self._readings.take(0)
                plan = self._pilot()
                self._spent = Spent(self._budget_seconds)
                self._first_row = self._row()
                growth = self._extend(doubted=self._first_ladder(plan))
            return self._screened(growth, self._note(growth))
        except CeilingReached:
            return self._stopped()
        finally:
            self._readings.close()

    def _series(self) -> tuple[Window, ...]:
        return self._readings.windows()[self._first_row :]

    def _calls(self, times: int) -> float:
        start = time.monotonic()
        seconds = self._repeat(times)
        self._spent.wall_seconds += time.monotonic() - start
        self._spent.seconds += seconds
        self._between()
        return seconds

    def _row(self) -> int:
        self._ceiling.check()
        return self._readings.take(self._repeat.calls)

    def _hide_if_dear(self, calls_seconds: float) -> None:
        """Look at what a leak has piled up no more than once where collecting takes longer than the calls."""
        if self._readings.collecting_seconds > max(_DEAR_SECONDS, _DEAR_SHARE * calls_seconds):
            self._readings.hide_what_is_alive()
            self._hidden = True

    def _pilot(self) -> Plan:
        """Warm the body up, by calls that double, until one call's cost is known."""
        self._ceiling.learn()
        self._calls(1)
        self._ceiling.enforce()
        self._row()
        times = 1
        while True:
            wall = time.monotonic()
            seconds = self._calls(times)
            wall = time.monotonic() - wall
            row = self._row()
            last, before = self._readings.windows()[row], self._readings.windows()[row - 1]
            made = last.calls - before.calls
            most_calls = _most_calls(before, last, made, self._ceiling_bytes)
            long_enough = max(seconds, wall / 4) >= self._budget_seconds * _PILOT_SHARE
            if long_enough or times >= min(_PILOT_MOST_CALLS, most_calls):
                self._most_calls = most_calls
                return first_plan(
                    cpu_seconds=seconds / made,
                    wall_seconds=wall / made,
                    budget_seconds=self._budget_seconds,
                    most_calls=most_calls,
                )
            times *= 2

    def _first_ladder(self, plan: Plan) -> bool:
        """Make the calls that the budget has room for; return whether garbage makes them prove little."""
        self._climb(plan)
        self._use_up_budget()
        return self._hidden and self._readings.take_out_hidden_garbage(self._first_row + 1)

    def _climb(self, plan: Plan, *, hiding: bool = True) -> None:
        for row in range(plan.rows):
            if row >= LEAST_ROWS and self._spent.is_overdue():
                return
            seconds = self._calls(plan.step)
            self._row()
            if hiding:
                self._hide_if_dear(seconds)

    def _use_up_budget(self) -> None:
        """Go on where the first calls, which sized the ladder, were slower than the rest."""
        while self._spent.is_short():
            first, last = self._series()[0], self._series()[-1]
            made = last.calls - first.calls
            self._most_calls = _most_calls(first, last, made, self._ceiling_bytes)
            if made >= self._most_calls:
                return
            self._climb(extension(made))

    def _extend(self, *, doubted: bool) -> Growth:
        """Go on while growth is not told apart; what looks like a leak must show over twice the calls."""
        growth = decide(self._series())
        confirmed = False  # by twice the calls, all garbage included
        while (doubted or growth.trend is not Trend.LEVEL) and growth.calls < self._most_calls:
            if confirmed and growth.trend is Trend.GROWS and growth.calls >= ENOUGH_CALLS:
                break
            if not self._spent.may_extend():
                break
            doubted = self._climb_in_full_sight(growth.calls, at_every_row=doubted)
            growth = decide(self._series())
            confirmed = not doubted
        return growth

    def _climb_in_full_sight(self, calls: int, *, at_every_row: bool) -> bool:
        """Double the calls and leave no garbage in the readings; return whether there was much of it.

        What was alive before a check and died since was out of sight. To look at all objects takes long in
        a large session: once before and once after do, unless much is found to have died meanwhile.
        """
        self._readings.see_all_garbage()
        if at_every_row:
            self._climb(extension(calls), hiding=False)
            return False
        first = len(self._readings.windows())
        self._readings.hide_what_is_alive()
        self._climb(extension(calls))
        return self._readings.take_out_hidden_garbage(first)

    def _note(self, growth: Growth) -> str:
        if growth.calls < LEAST_CALLS:
            return f"a call takes too long: {self._repeat.calls} calls within the budget cannot show a leak"
        if growth.trend is Trend.UNDECIDED:
            return f"growth was still falling after {growth.calls:,} calls"
        if growth.trend is Trend.GROWS and growth.calls < ENOUGH_CALLS:
            return f"a cache of more than {growth.calls:,} entries that still fills would look the same"
        if growth.is_accelerating:
            return f"each call leaves more than the one before; the rate is that of call {STANDARD_CALLS:,}"
        return ""

    def _screened(self, growth: Growth, note: str) -> Screened:
        before, *after_calls = self._readings.windows()
        settled = settled_bytes(before, after_calls, drift_bytes=growth.drift_bytes)
        return Screened(
            growth=growth,
            windows=self._series(),
            calls=self._repeat.calls,
            settled_bytes=0 if growth.trend is Trend.GROWS else settled,
            signals=signals_of(before),
            note=note,
        )

    def _stopped(self) -> Screened:
        """Report the rate at which the ceiling was reached."""
        grown, calls = self._ceiling.grown_bytes, max(1, self._repeat.calls)
        growth = decide(self._series())
        if growth.trend is not Trend.GROWS:
            rate = max(1, round(grown / calls))
            growth = Growth(trend=Trend.GROWS, calls=calls, signals=(RESIDENT,), bytes_per_call=rate)
        limit = format_size(self._ceiling_bytes)
        return Screened(
            growth=growth,
            windows=self._series(),
            calls=calls,
            settled_bytes=0,
            signals=signals_of(self._readings.windows()[0]),
            note=f"stopped: the process grew by {format_size(grown)}, past the ceiling of {limit}",
        )


def _most_calls(before: Window, after: Window, times: int, ceiling_bytes: int) -> int:
    """Limit what follows by what the last calls left behind."""
    counted = max((count - before.counts.get(unit, count) for unit, count in after.counts.items()), default=0)
    grown = max(held_between(before, after), (after.resident_bytes or 0) - (before.resident_bytes or 0))
    return most_calls_for(
        bytes_per_call=grown / times,
        counts_per_call=counted / times if counted >= min(_COUNTED, times) else 0.0,
        ceiling_bytes=ceiling_bytes,
    )
