"""Writes the proposed baseline: what accepting a run would write, as files and as a patch."""

from __future__ import annotations

import difflib
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_memguard.core.node_ids import split_id
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.storage.accepting import Acceptance, accept_results, to_write
from pytest_memguard.storage.baseline import BaselineStore

_NEEDS_QUOTES = re.compile(r'["\\\x00-\x1f\x7f-\xff]')
_NAMED = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", '"': '"', "\\": "\\"}


def patch(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return the diff from one set of files to another; a file that one of them lacks is added or removed.

    Names are relative to the repository, with forward slashes.
    """
    names = sorted({*before, *after})
    return "".join(part for name in names for part in _file_diff(name, before.get(name), after.get(name)))


def _file_diff(name: str, before: str | None, after: str | None) -> Iterator[str]:
    if before == after:
        return
    yield f"diff --git {_name('a', name)} {_name('b', name)}\n"
    if before is None:
        yield "new file mode 100644\n"
    if after is None:
        yield "deleted file mode 100644\n"
    yield f"--- {_ended('/dev/null' if before is None else _name('a', name))}\n"
    yield f"+++ {_ended('/dev/null' if after is None else _name('b', name))}\n"
    old, new = _lines(before), _lines(after)
    for line in list(difflib.unified_diff(old, new, lineterm="\n"))[2:]:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str | None) -> list[str]:
    """Split at line feeds only, as git does; `splitlines` also splits at eight other characters."""
    return re.findall(r"[^\n]*\n|[^\n]+", text or "")


def _name(side: str, name: str) -> str:
    """Write a file name as git does: quoted if it contains a character that would end it."""
    raw = f"{side}/{name}".encode()
    if not _NEEDS_QUOTES.search(raw.decode("latin-1")):
        return raw.decode()
    return f'"{"".join(map(_quoted, raw))}"'


def _quoted(byte: int) -> str:
    character = chr(byte)
    if character in _NAMED:
        return f"\\{_NAMED[character]}"
    return f"\\{byte:03o}" if _NEEDS_QUOTES.search(character) else character


def _ended(name: str) -> str:
    """Add a tab to a name that contains a space, to mark its end for git."""
    return f"{name}\t" if " " in name and not name.startswith('"') else name


def propose(results: RunResults, *, baseline: Path, into: Path, name: str, everything: bool) -> str:
    """Write the files that accepting these results would change below `into`; return them as a patch.

    `baseline` is the accepted folder, which is not changed; `name` is its path in the repository, for
    the patch; `everything` also proposes entries that did not change.
    Raises `BaselineError` for a baseline that cannot be read.
    """
    current = BaselineStore(baseline, results.environment)
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as temporary:
        proposed = BaselineStore(Path(temporary), results.environment)
        wanted = Acceptance(everything=everything)
        for module in {split_id(test.id)[0] for test in to_write(results, wanted)}:
            texts = current.texts_of(module)
            _write(texts, proposed.directory)
            before |= _named(name, texts)
        changes = accept_results(proposed, results, wanted, review=lambda _planned: None)
        for module in {split_id(change.test_id)[0] for change in changes}:
            texts = proposed.texts_of(module)
            _write(texts, into)
            after |= _named(name, texts)
    return patch({file: text for file, text in before.items() if file in after}, after)


def _write(texts: Mapping[Path, str], folder: Path) -> None:
    for path, text in texts.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")


def _named(name: str, texts: Mapping[Path, str]) -> dict[str, str]:
    return {f"{name}/{path.as_posix()}": text for path, text in texts.items()}
