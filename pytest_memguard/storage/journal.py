"""Writes results while a run goes on, one a line, so that they are left when it is killed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_memguard.core.verdict import RunResults, TestResult
from pytest_memguard.storage.results_json import result_to_json, run_to_json

_UNFINISHED = {
    "kind": "unfinished",
    "sentence": "the run was killed or is still running: these are its results so far.",
    "fails": True,
}


def journal_of(path: Path) -> Path:
    """Return where a run keeps its results until it writes the results file at `path`."""
    return path.with_name(f"{path.name}.running")


class Journal:
    """Keeps each result as it comes; where nothing can be written, nothing is kept."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(journal_of(path) for path in paths)

    def start(self, head: RunResults) -> None:
        """Begin with what is said about the run as a whole."""
        for path in self._paths:
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(_line(run_to_json(head)), encoding="utf-8")

    def add(self, result: TestResult) -> None:
        """Keep a result; the file is open for that moment only, since it is the tests' process."""
        line = _line(result_to_json(result))
        for path in self._paths:
            with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as file:
                file.write(line)

    def drop(self) -> None:
        """Remove it: the run has ended, and written its results file if it could."""
        for path in self._paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def results_value(journal: str) -> object:
    """Make of a journal's text the value that a results file would hold; it is as untrusted.

    Of a test that ran again the last result counts. A last line that is not whole is left out.
    Raises `ValueError` for a line that is not JSON.
    """
    lines = [line for line in journal.splitlines(keepends=True) if line.endswith("\n")]
    head, *tests = [json.loads(line) for line in lines] or [None]
    if not isinstance(head, dict):
        return head
    by_id: dict[Any, object] = {}
    for test in tests:
        by_id[str(test.get("id")) if isinstance(test, dict) else ""] = test
    problems = head.get("problems")
    said = [*problems, _UNFINISHED] if isinstance(problems, list) else [_UNFINISHED]
    return {**head, "problems": said, "tests": [by_id[test_id] for test_id in sorted(by_id)]}


def _line(value: object) -> str:
    return json.dumps(value, allow_nan=False) + "\n"  # ASCII, so that no line ends within a text
