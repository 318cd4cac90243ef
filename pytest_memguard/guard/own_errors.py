"""Runs a guard around its test: an error of memguard itself makes the test `not-measured`, not failed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from traceback import walk_tb
from typing import Protocol

import pytest

from pytest_memguard.core.errors import MemguardError, described
from pytest_memguard.core.unpatched import Unpatched, as_test_sees_it, is_raised_by_test
from pytest_memguard.guard.sampled import Sampled
from pytest_memguard.guard.session import GuardSession


class Guard(Protocol):
    """What measures one item."""

    sampled: Sampled

    def run(self) -> None:
        """Run the item, measured."""

    def run_unmeasured(self) -> None:
        """Run the item as if it were not guarded."""


class BrokenGuard:
    """Stands in for a guard that could not be made: says why, and runs the item unmeasured."""

    def __init__(self, error: Exception, runtest: Callable[[], None]) -> None:
        self._error = error
        self._runtest = as_test_sees_it(runtest)
        self.sampled = Sampled()

    def run(self) -> None:
        """Raise what kept the guard from being made."""
        raise self._error

    def run_unmeasured(self) -> None:
        """Run the item as if it were not guarded."""
        self.sampled.timed(self._runtest)


def run_guard(guard: Guard, item: pytest.Item, session: GuardSession) -> None:
    """Run a guard with the real standard library; what the test raises goes on up."""
    with Unpatched():
        try:
            guard.run()
        except Exception as error:
            if is_raised_by_test(error):
                raise
            reason = own_error(error)
        else:
            return
        sampled = guard.sampled
        sampled.results[:] = [result for result in sampled.results if result.id != item.nodeid]
        sampled.results.append(session.unmeasured(item.nodeid, reason))
        if not sampled.has_begun:
            guard.run_unmeasured()


def own_error(error: Exception) -> str:
    """Say what happened where memguard's own code failed."""
    if isinstance(error, MemguardError):
        return str(error)
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    own = [(file, line) for file, line in frames if "pytest_memguard" in file] or frames
    place = f" in {PurePath(own[-1][0]).name}:{own[-1][1]}" if own else ""
    return f"memguard itself failed{place} with {described(error)}; please report it"
