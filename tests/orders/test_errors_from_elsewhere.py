"""An error that another thread or a signal raises anywhere in the scheduler leaves no lock taken."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest

from pytest_memguard.orders.blocking import RUNS, ThreadWatch
from pytest_memguard.orders.order import Lockstep
from pytest_memguard.orders.participant import Participant, State
from pytest_memguard.orders.turns import Turns

pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"  # the error may meet a generator that is closed
)


class ElsewhereError(Exception):
    """What is raised from elsewhere."""


def raised_at(moment: int, call: Callable[[], object]) -> bool:
    """Raise an error so many lines and calls of the scheduler from here; say whether it has so many."""
    left = moment

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        if "pytest_memguard" in frame.f_code.co_filename and event != "exception":
            left -= 1
            if left == 0:
                sys.settrace(None)  # only one error comes
                raise ElsewhereError
        return trace

    try:
        sys.settrace(trace)
        call()
    except ElsewhereError:
        return True
    finally:
        sys.settrace(None)
    return False


def turns_of_two(state: State) -> tuple[Turns, Participant]:
    """Return turns that a thread takes which is in a state, beside one that waits for its own."""
    turns = Turns(Lockstep())
    participants = [Participant(number, ThreadWatch(0, 0)) for number in range(2)]
    turns.begin(participants)
    if state is State.BLOCKED:
        participants[0].state, turns.blocked = state, 1
    return turns, participants[0]


def assert_no_lock_is_taken(turns: Turns, moment: int) -> None:
    watching = threading.Thread(target=turns.let_go, daemon=True)
    watching.start()
    watching.join(10)
    assert not watching.is_alive(), moment
    assert gc.isenabled(), moment


@pytest.mark.parametrize("state", [State.RUNNING, State.BLOCKED])
@pytest.mark.parametrize("what", ["line", "end"])
def test_an_error_from_elsewhere_leaves_no_lock_taken(what: str, state: State) -> None:
    code = turns_of_two.__code__
    calls: dict[str, Callable[[Turns, Participant], object]] = {
        "line": lambda turns, participant: turns.line(participant, code, 1),
        "end": lambda turns, participant: turns.end(participant, lambda: None),
    }
    moment, is_raised = 0, True
    while is_raised:
        moment += 1
        turns, participant = turns_of_two(state)
        is_raised = raised_at(moment, partial(calls[what], turns, participant))
        assert not participant.is_inside or what == "end", moment
        assert_no_lock_is_taken(turns, moment)
    assert moment > 10


def test_an_error_from_elsewhere_that_meets_who_watches_leaves_no_lock_taken_at_the_end_of_the_call() -> None:
    moment, is_raised = 0, True
    while is_raised:
        moment += 1
        turns, participant = turns_of_two(State.RUNNING)
        is_raised = raised_at(moment, partial(turns.pass_over, participant, RUNS, is_astray=True))
        turns.let_go()
        assert_no_lock_is_taken(turns, moment)
    assert moment > 10
