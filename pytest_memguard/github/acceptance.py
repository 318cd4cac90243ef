"""Turns results from artifacts into changed baseline files, based on the files of a branch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from pytest_memguard.core.node_ids import split_id
from pytest_memguard.core.notes import refuse_without_note
from pytest_memguard.core.run_results import TestResult
from pytest_memguard.storage.accepting import Acceptance, accept_results, select, to_write
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.results import read_results_by_environment
from pytest_memguard.storage.settings_file import MEMGUARD_YML, PYPROJECT, settings_of_commit


def accept_texts(
    texts: Sequence[bytes],
    temporary: Path,
    *,
    folder: str,
    wanted: Acceptance,
    require_note: float | None,
    read: Callable[[str], str | None],
) -> tuple[list[str], dict[str, str]]:
    """Accept results; return a line for each change, and the changed files below `folder`.

    `texts` are results files, which are validated; `read` returns the branch's text of a
    baseline file. Raises a `MemguardError` if one of them cannot be read, `NothingToJudgeError` for a
    pattern that matches no test, and `NoteRequiredError` for growth beyond `require_note` without a note.
    """
    paths = {temporary / f"results-{number}.json": text for number, text in enumerate(texts)}
    for path, text in paths.items():
        path.write_bytes(text)
    runs = read_results_by_environment(list(paths))
    select((test.id for run in runs for test in run.tests), wanted.patterns)
    lines: list[str] = []
    files: dict[str, str] = {}
    for run in runs:
        store = BaselineStore(temporary / "baseline", run.environment)
        _lay_down(store, to_write(run, wanted), lambda path: read(f"{folder}/{path}"))
        review = partial(refuse_without_note, share=require_note)
        changes = accept_results(store, run, wanted, review=review)
        lines += [change.description for change in changes]
        for module in {split_id(change.test_id)[0] for change in changes}:
            path = store.path_of(module)
            name = path.relative_to(store.directory).as_posix()
            files[f"{folder}/{name}"] = path.read_text(encoding="utf-8")
    return lines, files


def _lay_down(store: BaselineStore, tests: Iterable[TestResult], read: Callable[[str], str | None]) -> None:
    """Write only the branch's files for these tests, since reading each file takes two requests."""
    for module in sorted({split_id(test.id)[0] for test in tests}):
        path = store.path_of(module)
        text = read(path.relative_to(store.directory).as_posix())
        if text is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def note_required(folder: str, read: Callable[[str], str | None]) -> float | None:
    """Return the share of growth that requires a note, by the settings nearest above its baseline folder.

    `read` returns the text of a file of the commit whose settings count. Raises `SettingsError`.
    """
    above = [parent for parent in PurePosixPath(folder).parents if not parent.name.startswith(".")]
    for parent in above:
        for name in (PYPROJECT, MEMGUARD_YML):
            text = read((parent / name).as_posix())
            if text is not None:
                return settings_of_commit({name: text.encode("utf-8")}).require_note
    return None
