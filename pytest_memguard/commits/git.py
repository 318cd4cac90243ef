"""Runs git: one process for a question, whatever the number of commits that it is about."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.storage.bounded_reading import LARGEST_FILE_BYTES

_GIT_SECONDS = 300
_AT_ONCE = 500
_FROM_OUTSIDE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
"""Set by git for its hooks, relative to another folder than the project's."""


class RevisionError(MemguardError):
    """A commit that cannot be found, checked out or measured."""

    slug = "compare"


class HistoryError(MemguardError):
    """A history that is not there, or cannot be read."""

    slug = "history"


def run_git(repository: Path, *words: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder; raises `RevisionError` where git is not installed."""
    # Hooks of the repository belong to whoever wrote the branch, and a checkout would run them.
    command = ["git", "-C", str(repository), "-c", f"core.hooksPath={os.devnull}", *words]
    environment = {name: value for name, value in os.environ.items() if name not in _FROM_OUTSIDE}
    try:
        return subprocess.run(
            command,
            input=b"" if given is None else given,
            capture_output=True,
            check=False,
            timeout=_GIT_SECONDS,
            env=environment | {"LC_ALL": "C.UTF-8"},
        )
    except FileNotFoundError as error:
        raise RevisionError(
            "git is not installed; commits are read with it, so it must be on PATH."
        ) from error


def text_of_git(repository: Path, *words: str) -> str | None:
    """Return what git answers, without its last line end; None where it fails."""
    done = run_git(repository, *words)
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n") if done.returncode == 0 else None


def top_of(project: Path) -> Path | None:
    """Return the top folder of the repository that a project is in, if it is in one."""
    top = text_of_git(project, "rev-parse", "--show-toplevel") if project.is_dir() else None
    return Path(top).resolve() if top else None


def is_shallow(repository: Path) -> bool:
    """Say whether the clone lacks older commits."""
    return text_of_git(repository, "rev-parse", "--is-shallow-repository") == "true"


def commit_of(repository: Path, name: str) -> str | None:
    """Return the id of a commit by any of its names, None where this clone has none of that name."""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    for candidate in (name, f"refs/remotes/origin/{name}"):
        found = text_of_git(repository, *words, f"{candidate}^{{commit}}")
        if found:
            return found
    return None


def blobs(repository: Path, names: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
    """Yield the contents of objects by their names (`id` or `commit:path`); None for what is not there.

    What is larger than any baseline may be is not there either.
    """
    wanted = list(names)
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        given = "".join(f"{name}\n" for name in part).encode("utf-8", "surrogateescape")
        done = run_git(repository, "cat-file", "--batch", given=given)
        yield from zip(part, _contents(done.stdout, len(part)), strict=True)


def _contents(output: bytes, number: int) -> Iterator[bytes | None]:
    """Yield so many answers of `git cat-file --batch`: a head with type and size, and the content."""
    place = 0
    for _ in range(number):
        end = output.find(b"\n", place)
        head = output[place:end].split(b" ")
        place = end + 1
        if end < 0 or head[-1] in (b"missing", b"ambiguous"):
            yield None
            continue
        size = int(head[-1])
        yield output[place : place + size] if size <= LARGEST_FILE_BYTES else None
        place += size + 1
