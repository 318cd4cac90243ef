"""Reads, writes and merges results files."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from pytest_memguard.core.errors import NothingToJudgeError, ResultsError, cause_of
from pytest_memguard.core.run_results import RunResults, TestResult, merged
from pytest_memguard.storage.atomic import write_atomic
from pytest_memguard.storage.bounded_reading import UnreadableTextError, read_text
from pytest_memguard.storage.journal import journal_of, results_value
from pytest_memguard.storage.results_json import result_to_json, run_from_json, run_to_json

_BEFORE = ".before"
_AGAIN = "Create it again with `pytest --memguard`."


def results_text(results: RunResults) -> str:
    """Return the JSON text, one test a line."""
    head = json.dumps(run_to_json(results), ensure_ascii=False, allow_nan=False, indent=1)
    dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(", ", ": ")).encode
    tests = ",\n  ".join(dumps(result_to_json(test)) for test in results.tests)
    return f'{head[:-2]},\n "tests": [\n  {tests}\n ]\n}}\n'  # before the last "\n}" of the head


def write_results(path: Path, results: RunResults) -> None:
    """Write a results file atomically; `ResultsError` where that is impossible."""
    try:
        write_atomic(path, results_text(results))
    except (OSError, ValueError) as error:
        reason = cause_of(error)
        raise ResultsError(
            f"{path} cannot be written: {reason}. Make its folder writable with room on its disk, "
            "or name another file with --memguard-json."
        ) from error


def read_results(paths: Sequence[Path]) -> RunResults:
    """Read and merge results files of one environment.

    Raises `NothingToJudgeError` for a file that is missing and `ResultsError` for one that
    cannot be trusted, or where the files come from several environments.
    """
    runs = read_results_by_environment(paths)
    if len(runs) > 1:
        names = ", ".join(results.environment for results in runs)
        raise ResultsError(
            f"the results come from several environments ({names}); read one environment at a time."
        )
    return runs[0]


def read_results_by_environment(paths: Sequence[Path]) -> list[RunResults]:
    """Read results files and merge those of each environment, sorted by environment."""
    if not paths:
        raise NothingToJudgeError("no results file was named; make one with `pytest --memguard`.")
    groups: dict[str, list[RunResults]] = {}
    for path in paths:
        results = _read(path)
        groups.setdefault(results.environment, []).append(results)
    return [merged(groups[environment]) for environment in sorted(groups)]


def _read(path: Path) -> RunResults:
    try:
        value = _value(path)
    except FileNotFoundError as error:
        why = ", since the last run was killed" if aside(path).exists() else ""
        raise NothingToJudgeError(
            f"there are no results at {path}{why}; create them with `pytest --memguard`."
        ) from error
    except OSError as error:
        raise ResultsError(
            f"{path} cannot be read: {cause_of(error)}. Make it readable, or name another."
        ) from error
    try:
        results = run_from_json(value)
        _refuse_duplicates(results.tests)
    except ResultsError as error:
        raise ResultsError(f"{path}: {error}. {_AGAIN}") from error
    return results


def _value(path: Path) -> object:
    """Read a results file as JSON or, where its run was killed, what that run had kept by then."""
    is_finished = path.exists()
    try:
        text = read_text(path if is_finished else journal_of(path))
        return json.loads(text, parse_constant=_refuse_constant) if is_finished else results_value(text)
    except UnreadableTextError as error:
        raise ResultsError(
            f"{path} {error.problem}. {_AGAIN} If it is too large, split the run, "
            "and give several files to --from."
        ) from error
    except RecursionError:
        raise ResultsError(f"{path} is nested too deeply for a results file. {_AGAIN}") from None
    except ValueError as error:  # not JSON, or an int of more digits than Python reads
        raise ResultsError(f"{path} is not JSON: {error}. {_AGAIN}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _refuse_duplicates(tests: Iterable[TestResult]) -> None:
    seen: set[str] = set()
    for test in tests:
        if test.id in seen:
            raise ResultsError(f"the test {ascii(test.id)[:200]} occurs twice; accepted is one result")
        seen.add(test.id)


def aside(path: Path) -> Path:
    """Return where the results at a path wait for the end of a run."""
    return path.with_name(path.name + _BEFORE)


class OldResults:
    """The results files that a run will write, as they were before it."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._moved: list[Path] = []

    def put_aside(self) -> None:
        """Move them away; where a folder cannot be written to, writing says so at the end of the run."""
        for path in self._paths:
            with contextlib.suppress(OSError):
                if path.is_file():  # a folder or a device is not a results file, and must not be moved
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
