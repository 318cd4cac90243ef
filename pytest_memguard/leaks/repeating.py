"""Calls a body many times: errors name the call, forked children are ended, and Ctrl-C stops the run."""

from __future__ import annotations

import dis
import os
import traceback
from collections.abc import Callable
from os import _exit  # bound, like the clocks below: a test may patch them while it is repeated
from time import process_time

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.unpatched import AsTestSeesIt
from pytest_memguard.leaks.ceiling import CeilingReached

_RAISING = {dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE") if name in dis.opmap}


def is_interrupt_from_outside(error: BaseException) -> bool:
    """Say whether an error comes from Ctrl-C: its innermost frame did not end with a `raise` statement."""
    if not isinstance(error, KeyboardInterrupt):
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is None or trace.tb_frame.f_code.co_code[trace.tb_lasti] not in _RAISING


class BodyFailedError(MemguardError):
    """A body that cannot be repeated: `original` is what its call number `call` raised."""

    slug = "body-not-repeatable"

    def __init__(self, original: BaseException, call: int) -> None:
        text = f"{type(original).__name__}: {original}".rstrip(": ")
        super().__init__(f"call {call} of the body failed: {text.splitlines()[0]}")
        self.original = original
        self.call = call

    def let_go(self) -> None:
        """Release the frames that the error keeps alive: what they hold is not held by the body."""
        error: BaseException | None = self.original
        while error is not None:
            traceback.clear_frames(error.__traceback__)
            error.__traceback__ = None
            error = error.__cause__ or error.__context__
        self.__traceback__ = None


try:
    from resource import RUSAGE_SELF, getrusage
except ImportError:  # Windows has no such module, nor the timer that makes the other clock coarse
    getrusage = None  # type: ignore[assignment]  # a function or nothing


def cpu_seconds() -> float:
    """Return the CPU seconds that all threads of this process have used.

    `time.process_time` moves by ticks of the scheduler, 4 ms and more, while a timer of CPU time runs
    on Linux, as the ceiling's does; a quick body would be timed by chance.
    """
    if getrusage is None:
        return process_time()
    usage = getrusage(RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def waits() -> int:
    """Return how often this process gave up its processor to wait; zero where the system does not count."""
    if getrusage is None:
        return 0
    return getrusage(RUSAGE_SELF).ru_nvcsw


_in_child: list[bool] = []
"""Filled in every forked child; a check empties it when it starts."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _in_child.append(True))


class Repeater:
    """Calls a body and counts; `calls` includes a call that did not come to its end.

    `at_once` is how many calls one call of `body` makes, for a body that runs in threads.
    """

    def __init__(self, body: Callable[[], object], at_once: int = 1) -> None:
        self._body = body
        self._at_once = at_once
        self.calls = 0
        _in_child.clear()

    def __call__(self, times: int) -> float:
        """Call the body at least that many times and return the CPU seconds that it took.

        Raises `BodyFailedError` with what the body raised, whatever it is; only an interrupt
        from outside and the ceiling of this check pass through.
        """
        body, in_child, at_once = self._body, _in_child, self._at_once
        number, seconds = 0, 0.0
        try:
            with AsTestSeesIt():
                start = cpu_seconds()
                for number in range(1, -(-times // at_once) + 1):  # noqa: B007 - the error below names the call
                    body()
                    if in_child:
                        _exit(0)  # a forked child that comes back here would run on as a second pytest
                seconds = cpu_seconds() - start
        except CeilingReached:
            self.calls += number * at_once
            raise
        except BaseException as error:
            if in_child:
                _exit(1)
            if is_interrupt_from_outside(error):
                raise
            raise BodyFailedError(error, self.calls + number * at_once) from error
        self.calls += number * at_once
        return seconds
