"""Writes results while a run goes on, one a line, so that they are left when it is killed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from json import dumps as _dumps  # bound, as below
from os import O_APPEND, O_CREAT, O_WRONLY
from os import close as _close  # bound: a fixture of a module or the session may patch them
from os import open as _open
from os import write as _write
from pathlib import Path
from typing import Any

from pytest_memguard.core.run_results import ProblemKind, RunResults, TestResult
from pytest_memguard.storage.bounded_reading import UnreadableTextError, read_text
from pytest_memguard.storage.results_json import result_to_json, run_to_json

_RUNNING = "running"
_APPENDING = O_WRONLY | O_APPEND | O_CREAT
_LONGEST_ID = 500


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

    def left_behind(self) -> str:
        """Say how far an earlier run came that has left its results so; empty if there is none."""
        for path in self._paths:
            with contextlib.suppress(OSError, UnreadableTextError, ValueError):
                return _said(*_split(read_text(path)))
        return ""

    def began(self, test_id: str) -> None:
        """Keep which test is running, so that a run that is killed can name it."""
        self._append({_RUNNING: test_id})

    def add(self, result: TestResult) -> None:
        """Keep a result."""
        self._append(result_to_json(result))

    def _append(self, value: object) -> None:
        """Write a line; the file is open for that moment only, since it is the tests' process."""
        line = _line(value).encode()
        for path in self._paths:
            with contextlib.suppress(OSError):
                descriptor = _open(str(path), _APPENDING, 0o666)
                try:
                    _write(descriptor, line)
                finally:
                    _close(descriptor)

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
    head, *others = _split(journal) or [None]
    if not isinstance(head, dict):
        return head
    by_id: dict[Any, object] = {}
    for test in others:
        if not (isinstance(test, dict) and _RUNNING in test):
            by_id[str(test.get("id")) if isinstance(test, dict) else ""] = test
    sentence = f"{_said(*others)} These are its results so far."
    problem = {"kind": ProblemKind.UNFINISHED, "sentence": sentence, "fails": True}
    problems = head.get("problems")
    said = [*problems, problem] if isinstance(problems, list) else [problem]
    return {**head, "problems": said, "tests": [by_id[test_id] for test_id in sorted(by_id)]}


def _split(journal: str) -> list[Any]:
    return [json.loads(line) for line in journal.splitlines(keepends=True) if line.endswith("\n")]


def _said(*lines: object) -> str:
    """Say of a run that did not write its results file which test of it was the last to begin."""
    began = [str(line[_RUNNING]) for line in lines if isinstance(line, dict) and _RUNNING in line]
    last = f"; the last test that it began is {began[-1][:_LONGEST_ID]}" if began else ""
    return f"the run was killed or is still running{last}."


def _line(value: object) -> str:
    return _dumps(value, allow_nan=False) + "\n"  # ASCII, so that no line ends within a text
