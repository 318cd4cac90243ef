"""Locks that know who holds them, so that an error from elsewhere leaves none of them taken.

A signal's handler, or `PyThreadState_SetAsyncExc`, raises an error between any two instructions: also between
the one that takes a lock and the `try` behind it, and in a `finally` before it lets the lock go. So a lock is
taken inside the `try`, and `release` may be called once more by whoever meets the error.
"""

from __future__ import annotations

from _thread import RLock
from collections.abc import Callable
from gc import disable, enable, isenabled  # bound: a test may patch them while it runs


class OwnedLock:
    """Only one thread holds it; to take it again, or to release what is not held, does nothing.

    A `with` statement would create an object that is garbage collected.
    """

    __slots__ = ("_is_mine", "_lock")

    def __init__(self) -> None:
        self._lock = RLock()
        self._is_mine: Callable[[], bool] = self._lock._is_owned  # type: ignore[attr-defined]  # noqa: SLF001 - as threading.Condition asks

    def acquire(self) -> None:
        """Wait until no other thread holds it, and take it."""
        if not self._is_mine():
            self._lock.acquire()

    def release(self) -> None:
        """Let it go, if this thread holds it."""
        if self._is_mine():
            self._lock.release()


class UncollectedLock(OwnedLock):
    """Only one thread is inside, and no garbage is collected meanwhile.

    Finalizers are code of the program. They may wait for a lock that another thread holds, but inside nobody
    may wait: nobody could pass the turn to that thread.
    """

    __slots__ = ("_is_held_back",)

    def __init__(self) -> None:
        super().__init__()
        self._is_held_back = False

    def acquire(self) -> None:
        """Go inside."""
        if not self._is_mine():
            self._lock.acquire()
            self._is_held_back = isenabled()
            disable()

    def release(self) -> None:
        """Go outside, if this thread is inside."""
        if self._is_mine():
            self.let_collect()
            self._lock.release()

    def let_collect(self) -> None:
        """Let garbage be collected again, since another thread goes on; nothing is created from here on."""
        if self._is_held_back:
            enable()
            self._is_held_back = False
