"""A lock in which no garbage is collected."""

from __future__ import annotations

from _thread import allocate_lock
from gc import disable, enable, isenabled  # bound: a test may patch them while it runs


class UncollectedLock:
    """Only one thread is inside, and no garbage is collected meanwhile.

    Finalizers are code of the program. They may wait for a lock that another thread holds, but inside nobody
    may wait: nobody could pass the turn to that thread.
    """

    __slots__ = ("_is_held_back", "_lock")

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._is_held_back = False

    def acquire(self) -> None:
        """Go inside. A `with` statement would create an object that is garbage collected."""
        self._lock.acquire()
        self._is_held_back = isenabled()
        disable()

    def release(self) -> None:
        """Go outside."""
        self.let_collect()
        self._lock.release()

    def let_collect(self) -> None:
        """Let garbage be collected again, since another thread goes on; nothing is created from here on."""
        is_held_back, self._is_held_back = self._is_held_back, False
        if is_held_back:
            enable()
