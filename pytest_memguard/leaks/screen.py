"""The screen: repeats a body in growing windows, untraced, and reads what stays behind."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from pytest_memguard.core.errors import described
from pytest_memguard.core.leak_finding import Answer, Doubt, Reading
from pytest_memguard.core.metrics import RESIDENT
from pytest_memguard.core.policy import Policy
from pytest_memguard.leaks.ceiling import Ceiling, CeilingReached
from pytest_memguard.leaks.cost import Cost
from pytest_memguard.leaks.decision import LEAST_CALLS, Growth, decide
from pytest_memguard.leaks.ladder import (
    ENOUGH_CALLS,
    SINGLE_CALLS,
    Reach,
    Steps,
    climb,
    limited,
    most_calls_for,
    reach_of,
)
from pytest_memguard.leaks.process_memory import SpareFiles, make_room_for_files
from pytest_memguard.leaks.readings import Readings
from pytest_memguard.leaks.repeating import BodyFailedError, Repeater
from pytest_memguard.leaks.series import (
    Window,
    complete,
    held_between,
    judged_from,
    settled_bytes,
    shown_readings,
    signals_of,
)

_REHEARSED_SECONDS = 0.01

_COUNTED = 8
"""What piles up beside bytes limits the calls from this number on, or from one for each call made."""


@dataclass(frozen=True, slots=True)
class Screened:
    """What the screen saw: the decision, the readings it rests on, and what the body settled at.

    `used_up` is the error of a body that ran out of something.
    """

    growth: Growth
    windows: tuple[Window, ...]
    calls: int
    settled_bytes: int
    signals: tuple[str, ...]
    doubts: tuple[Doubt, ...] = ()
    used_up: str = ""
    readings: tuple[Reading, ...] = ()
    judged_from_calls: int = 0


@cache
def rehearse() -> None:
    """Check a body that does nothing, once in a process.

    CPython 3.10 keeps a frame for each function that it has called. The first check of a process would count
    those of memguard.
    """
    if sys.version_info < (3, 11):
        Screen(_nothing, Policy(leak_budget_seconds=_REHEARSED_SECONDS)).run()


def _nothing() -> None:
    """Do nothing."""


class Screen:
    """One check of one body; `between` is called after each window."""

    def __init__(
        self, body: Callable[[], object], policy: Policy, *, between: Callable[[], None] = lambda: None
    ) -> None:
        self._repeat = Repeater(body, policy.at_once)
        self._at_once = policy.at_once
        self._budget_seconds = policy.leak_budget_seconds
        self._ceiling_bytes = policy.leak_ceiling_bytes
        self._between = between
        self._spare = SpareFiles()
        self._readings = Readings()
        self._ceiling = Ceiling(self._readings.process.resident_bytes, policy.leak_ceiling_bytes)
        self._cost = Cost()
        self._growth = Growth(answer=Answer.CANNOT_TELL, calls=0, doubt=Doubt.TOO_FEW_CALLS)
        self._cut_short = False
        self._first_row = 1  # the first call is cold
        self._in_full_sight_from = 0

    def run(self) -> Screened:
        """Make the calls and decide; raises `BodyFailedError` where a call fails that used nothing up."""
        try:
            with self._ceiling:
                self._climb()
            return self._screened(self._doubts())
        except CeilingReached:
            return self._stopped()
        except BodyFailedError as error:
            return self._used_up(error)
        finally:
            self._spare.close()
            self._readings.close()

    def _climb(self) -> None:
        """Make the first call, then those of the ladder, until the decision is final or the time is up."""
        self._read()
        self._ceiling.learn()
        self._cost.timed(self._repeat, 1)
        self._between()
        self._ceiling.enforce()
        self._row()
        for steps in climb(self._reach, self._decide):
            if not self._make(steps):
                self._cut_short = True
                self._decide(is_last=True)
                return

    def _make(self, steps: Steps) -> bool:
        """Make the calls of these steps and read after each; return whether there was time for them."""
        more = sum(steps)
        for step in steps:
            if self._cost.exceeds(self._budget_seconds, more * self._at_once):
                return False
            self._cost.timed(self._repeat, step * self._at_once)
            more = step
            self._between()
            self._row()
        return True

    def _row(self) -> None:
        self._ceiling.check()
        self._read()

    def _read(self) -> None:
        """Take a reading; a signal of the ceiling in between would leave objects for it to count."""
        self._ceiling.rest()
        self._readings.take(self._repeat.calls)
        self._ceiling.watch()

    def _series(self) -> tuple[Window, ...]:
        return self._readings.windows()[self._first_row :]

    def _reach(self) -> Reach:
        reach = reach_of(self._at_once * self._cost.call_seconds, self._budget_seconds)
        first, last = self._readings.after_first_and_last()
        reach = limited(reach, _most_calls(first, last, self._ceiling_bytes) // self._at_once)
        seen_from = self._in_full_sight_from
        return replace(reach, most=max(reach.most, 2 * seen_from), utmost=max(reach.utmost, 2 * seen_from))

    def _decide(self, is_last: bool = False) -> Growth:
        """Decide on the readings so far; growth must remain when all garbage is collected, older garbage too.

        Where much older garbage had been hidden from the collector, the readings so far prove nothing. The
        series then starts again, with as many calls and with nothing hidden.
        """
        self._growth = decide(self._series(), is_last=is_last)
        if self._growth.answer is not Answer.SETTLES:
            is_leak = self._growth.answer is Answer.LEAKS
            self._ceiling.rest()
            # By keyword, CPython 3.10 would hold a bound method, which the reading would count.
            is_much = self._readings.see_everything(is_leak)
            self._ceiling.watch()
            if is_much and not self._in_full_sight_from:
                self._first_row = len(self._readings.windows()) - 1
                self._in_full_sight_from = self._repeat.calls // self._at_once
            self._growth = decide(self._series(), is_last=is_last)
        return self._growth

    def _doubts(self) -> tuple[Doubt, ...]:
        """Return why the check has no answer, or what its answer depends on."""
        growth = self._growth
        if growth.answer is Answer.LEAKS:
            return (Doubt.COULD_BE_CACHE,) if growth.calls < ENOUGH_CALLS and growth.signals else ()
        if growth.calls < LEAST_CALLS:
            return (Doubt.TOO_FEW_CALLS,)
        if growth.doubt is None:
            return (Doubt.FEW_CALLS,) if growth.calls <= SINGLE_CALLS else ()
        return (Doubt.CUT_SHORT if self._cut_short else growth.doubt,)

    def _screened(self, doubts: tuple[Doubt, ...], used_up: str = "") -> Screened:
        before, *after_calls = self._readings.windows()
        return Screened(
            growth=self._growth,
            windows=self._series(),
            calls=self._repeat.calls,
            settled_bytes=0 if self._growth.answer is Answer.LEAKS else settled_bytes(before, after_calls),
            signals=signals_of(before),
            doubts=doubts,
            used_up=used_up,
            readings=shown_readings(self._readings.windows(), self._growth.signals),
            judged_from_calls=judged_from(self._series()),
        )

    def _used_up(self, error: BodyFailedError) -> Screened:
        """Judge a body that ran out of something by the readings so far.

        Raises the error again where these are too few or prove no leak: the body cannot be repeated then.
        """
        reason, calls = described(error.original), error.call - 1
        if self._at_once > 1 or calls <= LEAST_CALLS:
            raise error
        error.let_go()
        self._between()
        if isinstance(error.original, OSError) and error.original.errno == errno.EMFILE:
            make_room_for_files()
        self._growth = decide(complete(self._series()), is_last=True)
        if self._growth.answer is not Answer.LEAKS:
            raise error
        return replace(self._screened((Doubt.USED_UP,), used_up=reason), calls=calls)

    def _stopped(self) -> Screened:
        """Return a leak with the rate at which the ceiling was reached."""
        grown, calls = self._ceiling.grown_bytes, max(1, self._repeat.calls)
        self._growth = decide(self._series())
        if self._growth.answer is not Answer.LEAKS:
            rate = max(1, round(grown / calls))
            self._growth = Growth(Answer.LEAKS, calls, signals=(RESIDENT,), bytes_per_call=rate)
        return self._screened((Doubt.CEILING,))


def _most_calls(first: Window, last: Window, ceiling_bytes: int) -> int:
    """Return how many calls may be made at most, judged by what the calls so far left behind."""
    made = max(1, last.calls - first.calls)
    counted = max((count - first.counts.get(unit, count) for unit, count in last.counts.items()), default=0)
    grown = max(held_between(first, last), (last.resident_bytes or 0) - (first.resident_bytes or 0))
    return most_calls_for(
        bytes_per_call=grown / made,
        counts_per_call=counted / made if counted >= min(_COUNTED, made) else 0.0,
        ceiling_bytes=ceiling_bytes,
    )
