"""Detects child processes that a test started, whose memory is not in its sample."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from os import _exit, getpid, kill  # bound here: a test may patch them while it runs
from pathlib import Path
from time import sleep

from pytest_memguard.core.unpatched import AsTestSeesIt
from pytest_memguard.guard.started_programs import StartedPrograms, tracker_id
from pytest_memguard.meters import Meter

NOT_COUNTED = "it starts child processes, whose memory is not counted"
NOT_FORKED = (
    "it starts programs (subprocess, spawn, forkserver, exec), and children=True counts only forked child "
    "processes"
)
PERHAPS_UNSEEN = (
    "child processes of it have ended, and this process has looked up the C function `{name}` with ctypes, "
    "which may start programs unseen; run the test in an interpreter of its own with fresh=True"
)
STILL_RUNNING = (
    "child processes of it still run when it ends, so their memory is not known; wait for them in the test"
)
OLDER_CHILDREN = (
    "child processes that were started before it work for it, and their memory cannot be counted; "
    "start them in the test"
)

_PROC = Path("/proc/self")
_STAT = _PROC / "stat"
_FAULTS_FIELD = 8
"""Of the fields behind the name of the program; see proc(5), cminflt."""


_THREADS = _PROC / "task"
_ENDED = ("Z", "X")
_LOOKS = 20
_LOOK_SECONDS = 0.005
_SWITCHES = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")


_forks = [0]
"""How often this process was forked; programs that `subprocess` and others start are not counted."""


def _count_fork() -> None:
    _forks[0] += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_parent=_count_fork)


class ChildWatch:
    """Compares children before and after: page faults of those that have ended, turns of those that run.

    Only a new child can raise the page faults of ended children. A child that was there before, such as a
    worker that a fixture started, has had turns on a processor if it did something. Where children
    `are_counted`, programs that are started in between are noticed as well; with a meter (`by`) that does
    not follow forks, all children are missing from the sample.
    """

    def __init__(self, *, are_counted: bool, by: Meter) -> None:
        self._follows_forks = by.follows_forks
        self._programs = StartedPrograms() if are_counted else None
        self._before = _faults()
        self._forks = _forks[0]
        self._turns = _turns_at_rest()

    def begin(self) -> None:
        """Notice the programs that are started from now on."""
        if self._programs is not None:
            with AsTestSeesIt():
                self._programs.watch()

    def end(self) -> None:
        """Stop noticing programs."""
        if self._programs is not None:
            with AsTestSeesIt():
                self._programs.end()

    def missed(self) -> str:
        """Say which children are not in the sample; nothing where there are none."""
        now = _turns_of_children()
        is_started = self._programs is not None and self._programs.any()
        if is_started and self._follows_forks:
            return NOT_FORKED
        if any(turns != now.get(child, turns) for child, turns in self._turns.items()):
            return OLDER_CHILDREN
        is_forked = _forks[0] > self._forks  # memray follows forks, and no other child
        has_ended = _faults() > self._before
        is_running = bool({*now} - {*self._turns, str(tracker_id())})
        if self._programs is None or not self._follows_forks:
            return NOT_COUNTED if is_started or is_forked or has_ended or is_running else ""
        if has_ended and not is_forked:
            return NOT_FORKED
        if has_ended and self._programs.looked_up:
            return PERHAPS_UNSEEN.format(name=self._programs.looked_up)
        # A daemon is not a child of this process any more; it is known as a fork.
        return STILL_RUNNING if is_running or any(map(_is_alive, self._programs.forked())) else ""


def _is_alive(process: int) -> bool:
    """Say whether a process has not ended; without /proc that includes one that nobody has waited for."""
    if _PROC.is_dir():
        return any(
            not fields.get("State", "").lstrip().startswith(_ENDED) for fields in _threads(str(process))
        )
    try:
        kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


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
    for thread in _entries(_THREADS):
        with suppress(OSError):
            for child in (thread / "children").read_text().split():
                turns[child] = sum(_turns(fields) for fields in _threads(child))
    return turns


def _is_busy(child: str) -> bool:
    return any(fields.get("State", "").lstrip().startswith("R") for fields in _threads(child))


def _turns(fields: Mapping[str, str]) -> int:
    return sum(int(fields.get(name, 0)) for name in _SWITCHES)


def _threads(child: str) -> Iterator[Mapping[str, str]]:
    """Yield what the system says about each thread of a process."""
    for thread in _entries(Path("/proc", child, "task")):
        with suppress(OSError):
            lines = (thread / "status").read_text().splitlines()
            yield dict(line.split(":", 1) for line in lines if ":" in line)


def _entries(folder: Path) -> list[Path]:
    """Return what a folder holds; nothing where it is gone, as that of a process which has just ended."""
    with suppress(OSError):  # up to CPython 3.12, `glob` raises it
        return list(folder.iterdir())
    return []


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
