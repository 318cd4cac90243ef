"""What workers of pytest-xdist and their controller exchange in addition to reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import pytest

_KEY = "memguard"


@dataclass(frozen=True, slots=True)
class Asked:
    """What only the process knows that the user started.

    `places` are the files and folders that the command line names, if it names any, `ignored` patterns of
    those that it leaves out; `selects` says that it names tests. `accepts_unasked` says that accepting was
    asked for in CI, but not by the command line: what it accepts fails nevertheless.
    """

    in_ci: bool
    accepts_unasked: bool
    places: tuple[str, ...]
    ignored: tuple[str, ...]
    selects: bool

    def put_into(self, node: Any) -> None:
        """Tell it to a worker that is about to start."""
        node.workerinput[_KEY] = asdict(self)


def asked_by_controller(config: pytest.Config) -> Asked:
    """Return what the controller told this worker."""
    return Asked(**config.workerinput[_KEY])  # type: ignore[attr-defined]  # pytest-xdist puts it there


@dataclass(frozen=True, slots=True)
class Handover:
    """What one process found out that no report of a test carries.

    `lines` are those where planned and unguarded tests stand in the file of their id, as far as known.
    `has_guarded` says that some test is guarded, if only one that was deselected. `unread` are
    settings files that nothing reads, `no_history` says why growth in small steps cannot be judged.
    `error` is a usage error, which a worker cannot end the run with itself.
    """

    planned: tuple[str, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)
    has_guarded: bool = False
    stale: tuple[str, ...] = ()
    unguarded: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    no_history: str = ""
    differences: tuple[str, ...] = ()
    error: str = ""

    def joined(self, other: Handover) -> Handover:
        """Return what both processes found out: neither hides what the other has met."""
        pairs = {one.name: (getattr(self, one.name), getattr(other, one.name)) for one in fields(self)}
        return Handover(**{name: _joined(mine, theirs) for name, (mine, theirs) in pairs.items()})

    def put_into(self, config: pytest.Config) -> None:
        """Hand it to the controller, at the end of a worker's session."""
        config.workeroutput[_KEY] = asdict(self)  # type: ignore[attr-defined]  # pytest-xdist puts it there


def _joined(mine: Any, theirs: Any) -> Any:
    if isinstance(mine, tuple):
        return tuple(sorted({*mine, *theirs}))
    return {**mine, **theirs} if isinstance(mine, dict) else mine or theirs


def is_worker(config: pytest.Config) -> bool:
    """Say whether this process runs tests for a controller."""
    return hasattr(config, "workerinput")


def handover_of(node: Any) -> Handover | None:
    """Return what a worker handed over; nothing where it crashed."""
    written: Mapping[str, Any] | None = getattr(node, "workeroutput", {}).get(_KEY)
    return None if written is None else Handover(**written)
