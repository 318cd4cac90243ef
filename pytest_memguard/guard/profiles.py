"""Keeps memray captures of tests, up to a size limit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pytest_memguard.core.metrics import SETTLED
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import TestResult
from pytest_memguard.meters import Meter
from pytest_memguard.storage.captures import LIMIT_BYTES, capture_of, clear_captures


class ProfileKeeper:
    """Copies captures into a folder of the project; `which` is `failed`, `all` or `none`."""

    def __init__(self, root: Path, which: str) -> None:
        self._root = root
        self._which = which
        self._left_bytes = LIMIT_BYTES

    def clear(self) -> None:
        """Remove what an earlier run kept."""
        clear_captures(self._root)

    def keep(self, result: TestResult, meter: Meter) -> TestResult:
        """Keep the last capture of a test if its kind is wanted, and say in a hint where it is."""
        if self._which == "none" or (self._which == "failed" and not result.fails) or self._left_bytes <= 0:
            return result
        of_survivors = result.outcome is Outcome.LEAKED
        deciding = result.verdict.deciding
        if deciding is not None and deciding.name == SETTLED:
            return result  # it was explained in an interpreter of its own, and no sample shows it
        path = capture_of(self._root, result.id)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not meter.keep_last(str(path), survivors=of_survivors):
                return result
            self._left_bytes -= path.stat().st_size
        except OSError as error:
            return replace(result, hints=(*result.hints, f"its profile could not be kept: {error}"))
        shown = path.relative_to(self._root).as_posix()
        leaks = "--leaks " if result.verdict.is_about_end else ""
        hints = (*result.hints, f"profile: memray flamegraph {leaks}{shown}")
        return replace(result, hints=hints, profile=shown)
