"""What a worker of pytest-xdist hands over to its controller in addition to reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import pytest

from pytest_memguard.run.stale import Forgotten
from pytest_memguard.run.xdist import KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover(Forgotten):
    """What one process found out that no report of a test carries.

    `lines` are those where planned and unguarded tests stand in the file of their id, as far as known.
    `has_guarded` says that some test is guarded, if only one that was deselected. `unread` are
    settings files that nothing reads, `no_history` says why growth in small steps cannot be judged.
    `error` is a usage error, which a worker cannot end the run with itself.
    """

    planned: tuple[str, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)
    has_guarded: bool = False
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
        config.workeroutput[KEY] = asdict(self)  # type: ignore[attr-defined]  # pytest-xdist puts it there


def _joined(mine: Any, theirs: Any) -> Any:
    if isinstance(mine, tuple):
        return tuple(sorted({*mine, *theirs}))
    return {**mine, **theirs} if isinstance(mine, dict) else mine or theirs


def handover_of(node: Any) -> Handover | None:
    """Return what a worker handed over; nothing where it crashed."""
    written: Mapping[str, Any] | None = getattr(node, "workeroutput", {}).get(KEY)
    return None if written is None else Handover(**written)
