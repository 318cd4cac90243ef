"""Checks the files of a baseline without a run: each is readable, and as `accept` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.errors import BaselineError
from pytest_memguard.core.node_ids import join_id
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.baseline_writing import is_heading, module_text
from pytest_memguard.storage.names import ENTRIES_SUFFIX, module_of


class CheckedFile(NamedTuple):
    """A file of the baseline: its entries by test, and what is wrong with it, as `path:line: what`.

    `is_readable` is false where the entries are not known.
    """

    path: Path
    entries: dict[str, Entry]
    fault: str = ""
    is_readable: bool = True


def checked_files(store: BaselineStore) -> Iterator[CheckedFile]:
    """Yield every file of an environment."""
    folder = store.directory / store.environment
    for path in sorted(folder.rglob(f"*{ENTRIES_SUFFIX}")):
        module = module_of(path.relative_to(folder))
        right = store.path_of(module)
        if path == right:
            yield _checked(store, module)
        else:
            yield CheckedFile(path, {}, f"{path}:1: is never read; the file of this module is {right}", False)


def _checked(store: BaselineStore, module: str) -> CheckedFile:
    path = store.path_of(module)
    try:
        text = store.text_of(module)
        baseline = store.load(module)
    except BaselineError as error:
        return CheckedFile(path, {}, str(error), False)
    entries = {join_id(module, key): entry for key, entry in baseline.entries.items()}
    if text is None:
        return CheckedFile(path, {}, f"{path}:1: is not a regular file", False)
    line, found, written = _first_difference(text, module_text(baseline))
    if not line:
        return CheckedFile(path, entries)
    fault = f"{path}:{line}: {found!r} is not what `memguard accept` writes, which is {written!r}"
    return CheckedFile(path, entries, fault)


def _first_difference(text: str, canonical: str) -> tuple[int, str, str]:
    """Return the line at which two texts differ, counted from one, and both; 0 where they are equal.

    The heading of a file that was moved with its tests may name their old module.
    """
    if text == canonical:
        return 0, "", ""
    pairs = zip_longest(text.split("\n"), canonical.split("\n"), fillvalue="")
    differing = (
        (line, found, written)
        for line, (found, written) in enumerate(pairs, 1)
        if found != written and not (line == 1 and is_heading(found))
    )
    return next(differing, (0, "", ""))
