"""What the controller of pytest-xdist tells its workers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pytest

KEY = "memguard"
"""Under which memguard's part of what they exchange stands."""


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
        node.workerinput[KEY] = asdict(self)


def asked_by_controller(config: pytest.Config) -> Asked:
    """Return what the controller told this worker."""
    return Asked(**config.workerinput[KEY])  # type: ignore[attr-defined]  # pytest-xdist puts it there


def is_worker(config: pytest.Config) -> bool:
    """Say whether this process runs tests for a controller."""
    return hasattr(config, "workerinput")
