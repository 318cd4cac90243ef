"""Detects child processes that a test started, whose memory is not in its sample."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from os import _exit, getpid  # bound here: a test may patch them while it runs
from pathlib import Path
from time import sleep

_STAT = Path("/proc/self/stat")
_FAULTS_FIELD = 8
"""Of the fields behind the name of the program; see proc(5), cminflt."""


_THREADS = Path("/proc/self/task")
_LOOKS = 20
_LOOK_SECONDS = 0.005
_SWITCHES = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")


_forks: list[None] = []
"""One entry for each fork of this process; a program that is started, as by `subprocess`, is none."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_parent=lambda: _forks.append(None))


class ChildWatch:
    """Compares children before and after: page faults of those that have ended, turns of those that run.

    Page faults of ended children only a new one can raise; one that was there before, a worker that a
    fixture started, has had turns on a processor where it did something.
    """

    def __init__(self) -> None:
        self._before = _faults()
        self._forks = len(_forks)
        self._turns = _turns_at_rest()

    def started_children(self) -> bool:
        """Say whether a child process has ended since this was made."""
        return _faults() > self._before

    def forked(self) -> bool:
        """Say whether this process has forked since: memray follows forks, and no other child."""
        return len(_forks) > self._forks

    def older_children_worked(self) -> bool:
        """Say whether a child process that ran before this was made has worked since; only Linux tells."""
        now = _turns_of_children()
        return any(turns != now.get(child, turns) for child, turns in self._turns.items())


def _turns_at_rest() -> dict[str, int]:
    """Return the turns of running children once these have ended what they were at."""
    for _ in range(_LOOKS):
        turns = _turns_of_children()
        if not any(_is_busy(child) for child in turns):
            break
        sleep(_LOOK_SECONDS)
    return turns


def _turns_of_children() -> dict[str, int]:
    """Return how often the threads of each running child got a processor; see proc(5), ctxt_switches."""
    turns: dict[str, int] = {}
    for listing in _THREADS.glob("*/children"):
        with suppress(OSError):
            for child in listing.read_text().split():
                turns[child] = sum(_turns(fields) for fields in _threads(child))
    return turns


def _is_busy(child: str) -> bool:
    return any(fields.get("State", "").lstrip().startswith("R") for fields in _threads(child))


def _turns(fields: Mapping[str, str]) -> int:
    return sum(int(fields.get(name, 0)) for name in _SWITCHES)


def _threads(child: str) -> Iterator[Mapping[str, str]]:
    """Yield what the system says about each thread of a process."""
    for status in Path("/proc", child, "task").glob("*/status"):
        with suppress(OSError):
            yield dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)


def _faults() -> int:
    """Return the page faults of children that were waited for; zero where nobody tells them."""
    with suppress(OSError):
        return int(_STAT.read_bytes().rpartition(b")")[2].split()[_FAULTS_FIELD])
    try:
        import resource  # noqa: PLC0415 - one more library in the process slows every tracker down
    except ImportError:  # Windows: children go unnoticed there
        return 0
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt


def ended_in_children(run: Callable[[], None]) -> Callable[[], None]:
    """Return a run that ends a forked child which comes back from it: it would go on as a second pytest."""

    def ended() -> None:
        process = getpid()
        try:
            run()
        except BaseException:
            if getpid() != process:
                _exit(1)
            raise
        if getpid() != process:
            _exit(0)

    return ended
