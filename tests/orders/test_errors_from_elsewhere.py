"""An error that another thread or a signal raises anywhere in the scheduler leaves no lock taken."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import CodeType, FrameType
from typing import Any

import pytest

from pytest_memguard.orders.blocking import RUNS, ThreadWatch
from pytest_memguard.orders.line_sources import line_events
from pytest_memguard.orders.order import Lockstep
from pytest_memguard.orders.participant import Participant, State
from pytest_memguard.orders.places import RETURN
from pytest_memguard.orders.threads import OrderedThreads
from pytest_memguard.orders.turns import Turns
from tests.orders.hostile import played, raises_in_others

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
        if what == "end":
            turns.end(participant, lambda: None)  # as the thread does, which has to end its call
            assert participant.state is State.DONE, moment
            assert not turns.blocked, moment
            assert turns.running() is not None or state is State.BLOCKED, moment
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


def test_a_profiler_sees_the_return_at_which_an_error_is_raised() -> None:
    """Or memray would go on with a frame that is gone."""
    seen = []

    def returns() -> int:
        return 1

    def body() -> None:
        returns()
        seen.append("went on")

    def raises(code: CodeType, number: int) -> None:
        if code is returns.__code__ and number == RETURN:
            raise ElsewhereError

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        if frame.f_code is returns.__code__:
            seen.append(event)

    lines = line_events(lambda file: file == __file__)
    sys.setprofile(profile)
    try:
        with lines, pytest.raises(ElsewhereError), lines.following(lambda _code, _number: True, raises):
            body()
    finally:
        sys.setprofile(None)
    assert {*seen} == {"call", "return"}  # from 3.12 on, it sees the return once more
    assert sys.gettrace() is None


def test_an_error_that_is_due_in_a_thread_which_waits_stalls_no_profiled_thread() -> None:
    threading.setprofile(lambda *_: None)
    try:
        error = played(raises_in_others(), 1, stuck_seconds=5)  # it took over a minute
    finally:
        threading.setprofile(None)
    assert isinstance(error, KeyError)


def test_an_error_that_comes_to_a_thread_between_two_calls_is_of_neither() -> None:
    called: list[int] = []
    threads = OrderedThreads(
        lambda: called.append(threading.get_ident()), 2, order=Lockstep(), is_own=lambda _file: False
    )
    with threads as call:
        call()
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(called[0]), ctypes.py_object(ElsewhereError)
        )
        call()
    assert Counter(called) == dict.fromkeys(called, 2)
