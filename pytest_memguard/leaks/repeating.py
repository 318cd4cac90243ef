"""Calling a body many times: errors name the call, forked children end, Ctrl-C stays Ctrl-C."""

from __future__ import annotations

import os
from collections.abc import Callable

from pytest_memguard.interrupts import is_interrupt_from_outside
from pytest_memguard.leaks.ceiling import CeilingReached
from pytest_memguard.leaks.cpu_time import cpu_seconds
from pytest_memguard.leaks.errors import BodyFailedError

_in_child: list[bool] = []
"""Filled in every child that is forked; a check empties it when it starts."""

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
        """Call the body at least so many times and return the CPU seconds of it.

        Raises `BodyFailedError` with what the body raised, whatever it is; only an interrupt
        from outside and the ceiling of this check pass through.
        """
        body, in_child, at_once = self._body, _in_child, self._at_once
        start = cpu_seconds()
        number = 0
        try:
            for number in range(1, -(-times // at_once) + 1):  # noqa: B007 - the error below names the call
                body()
                if in_child:
                    os._exit(0)  # a forked child that comes back here would run on as a second pytest
        except CeilingReached:
            self.calls += number * at_once
            raise
        except BaseException as error:
            if in_child:
                os._exit(1)
            if is_interrupt_from_outside(error):
                raise
            raise BodyFailedError(error, self.calls + number * at_once) from error
        self.calls += number * at_once
        return cpu_seconds() - start
