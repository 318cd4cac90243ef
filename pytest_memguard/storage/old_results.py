"""Old results, put aside while a run goes on: one that dies leaves none that look like its own."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

SUFFIX = ".before"


def aside(path: Path) -> Path:
    """Return where the results at a path wait for the end of a run."""
    return path.with_name(path.name + SUFFIX)


class OldResults:
    """The results files that a run will write, as they were before it."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._moved: list[Path] = []

    def put_aside(self) -> None:
        """Move them away; where a folder cannot be written to, writing says so at the end of the run."""
        for path in self._paths:
            with contextlib.suppress(OSError):
                if path.is_file():  # a folder or a device is no results file, and is nobody's to move
                    path.replace(aside(path))
                    self._moved.append(path)

    def put_back(self) -> None:
        """Move them back: the run measured nothing."""
        for path in self._moved:
            with contextlib.suppress(OSError):
                aside(path).replace(path)
        self._moved.clear()

    def drop(self) -> None:
        """Remove them: the run has written its own."""
        for path in self._paths:
            with contextlib.suppress(OSError):
                aside(path).unlink(missing_ok=True)
        self._moved.clear()
