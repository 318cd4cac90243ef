"""Reads from git which commits changed which files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_memguard.commits.git import HistoryError, run_git
from pytest_memguard.core.history import Commit

_SHORTEST_ID = 40
_HEAD_FIELDS = 5
_LOG = (
    *("-c", "log.showSignature=false", "-c", "diff.renameLimit=5000", "log", "--topo-order", "--reverse"),
    *("--format=%x00%H%x00%P%x00%ct%x00%aN%x00%s", "--raw", "-z", "-c", "-M", "--no-abbrev", "--no-color"),
    *("--no-ext-diff", "--no-textconv"),
)


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One file that a commit changed: its content before, for each parent, and after.

    The content of a missing file is empty.
    """

    old_path: str
    new_path: str
    old_blobs: tuple[str, ...]
    new_blob: str

    @property
    def is_added(self) -> bool:
        """Whether no parent has it, under any name."""
        return not any(self.old_blobs)


@dataclass(frozen=True, slots=True)
class CommitChange:
    """A commit, the number of its parents, and the files that it changed."""

    commit: Commit
    parents: int
    files: list[ChangedFile]


def read_changes(repository: Path, paths: Sequence[str], revisions: str) -> list[CommitChange]:
    """Return the commits of a range that changed any of some files or folders, the oldest first.

    Raises `HistoryError` where git cannot read them.
    """
    # git takes paths for patterns unless it is told that they are literal.
    done = run_git(repository, "--literal-pathspecs", *_LOG, revisions, "--", *paths)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise HistoryError(f"git cannot read the history of {paths[0]}: {said[-1] if said else 'no reason'}.")
    return list(_changes(done.stdout.decode("utf-8", "surrogateescape")))


def whole_changes(repository: Path, commits: Sequence[str]) -> list[CommitChange]:
    """Return all that some commits changed, in any folder."""
    given = "".join(f"{commit}\n" for commit in commits).encode()
    done = run_git(repository, *_LOG, "--no-walk", "--stdin", given=given) if commits else None
    return list(_changes(done.stdout.decode("utf-8", "surrogateescape"))) if done is not None else []


def _changes(output: str) -> Iterator[CommitChange]:
    """Read the output of `git log --raw -z`: the head of each commit, then the files that it changed."""
    fields = iter(output.split("\0"))
    change: CommitChange | None = None
    for written in fields:
        field = written.lstrip("\n")  # git puts a line end between a head and its files
        if field.startswith(":"):
            assert change is not None  # noqa: S101 - git names a commit before its files
            change.files.append(_file(field, fields))
        elif len(field) >= _SHORTEST_ID:
            if change is not None:
                yield change
            parents, seconds, author, subject = (next(fields) for _ in range(_HEAD_FIELDS - 1))
            change = CommitChange(Commit(field, int(seconds), author, subject), len(parents.split()), [])
    if change is not None:
        yield change


def _file(head: str, fields: Iterator[str]) -> ChangedFile:
    """Read the line of a file, such as `:100644 100644 OLD NEW R090`; that of a merge has more parents."""
    parents = len(head) - len(head.lstrip(":"))
    words = head.lstrip(":").split(" ")
    *old_blobs, new_blob = (
        "" if set(blob) == {"0"} else blob for blob in words[parents + 1 : 2 * parents + 2]
    )
    old_path = next(fields)
    new_path = next(fields) if parents == 1 and words[-1][0] in "RC" else old_path
    return ChangedFile(old_path, new_path, tuple(old_blobs), new_blob)
