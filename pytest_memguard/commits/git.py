"""Runs git: one process for each question, however many commits it is about."""

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
"""Variables that git sets for its hooks; they are relative to a folder other than the project's."""


class RevisionError(MemguardError):
    """A commit that cannot be found, checked out or measured."""

    slug = "compare"


class HistoryError(MemguardError):
    """A history that does not exist or cannot be read."""

    slug = "history"


def run_git(repository: Path, *words: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder; raises `RevisionError` where git is not installed."""
    # A checkout would run the repository's hooks, which the author of the branch may have written.
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
    """Return the output of git without its last line end; None where git fails."""
    done = run_git(repository, *words)
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n") if done.returncode == 0 else None


def top_of(project: Path) -> Path | None:
    """Return the top folder of the repository that contains a project, if there is one."""
    top = text_of_git(project, "rev-parse", "--show-toplevel") if project.is_dir() else None
    return Path(top).resolve() if top else None


def is_shallow(repository: Path) -> bool:
    """Say whether the clone lacks older commits."""
    return text_of_git(repository, "rev-parse", "--is-shallow-repository") == "true"


def commit_of(repository: Path, name: str) -> str | None:
    """Return the id of a commit by any of its names; None where this clone does not have it."""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    for candidate in (name, f"refs/remotes/origin/{name}"):
        found = text_of_git(repository, *words, f"{candidate}^{{commit}}")
        if found:
            return found
    return None


def resolve_commit(repository: Path, name: str) -> str:
    """Return the id of a commit; `RevisionError` says how to get one that is not here."""
    if name.startswith("-") or not name.strip():
        raise RevisionError(f"{name!r} is not a commit; accepted is a branch, tag or id such as 'main'.")
    found = commit_of(repository, name)
    if found is not None:
        return found
    raise RevisionError(
        f"there is no commit {name!r} in this clone; fetch it first, in a workflow with `fetch-depth: 0` "
        "on actions/checkout."
    )


def blobs(repository: Path, names: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
    """Yield the contents of objects by their names (`id` or `commit:path`); None for a missing object.

    An object that is larger than any baseline may be counts as missing.
    """
    wanted = list(names)
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        given = "".join(f"{name}\n" for name in part).encode("utf-8", "surrogateescape")
        done = run_git(repository, "cat-file", "--batch", given=given)
        yield from zip(part, _contents(done.stdout, len(part)), strict=True)


def _contents(output: bytes, number: int) -> Iterator[bytes | None]:
    """Yield the contents from the answers of `git cat-file --batch`, each with a head of type and size."""
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
