"""A unified diff that `git apply` takes, whatever the files are called."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

_NEEDS_QUOTES = re.compile(r'["\\\x00-\x1f\x7f-\xff]')
_NAMED = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", '"': '"', "\\": "\\"}


def patch(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return the diff from one set of files to another; a file missing on a side is made or removed.

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
    """Split at line feeds alone, as git does; `splitlines` knows eight more line ends."""
    return re.findall(r"[^\n]*\n|[^\n]+", text or "")


def _name(side: str, name: str) -> str:
    """Write a file name as git does: quoted where it holds what would end it."""
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
    """End a name that holds a space with a tab, where git stops reading it."""
    return f"{name}\t" if " " in name and not name.startswith('"') else name
