"""Reads the accepted numbers of every commit from the git history of the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_memguard.commits.git import HistoryError, blobs, is_shallow, run_git, top_of
from pytest_memguard.commits.renames import renamings
from pytest_memguard.core.errors import BaselineError
from pytest_memguard.core.history import Commit, History, Renaming, Step, TestHistory
from pytest_memguard.core.measurement import Entry
from pytest_memguard.core.node_ids import join_id
from pytest_memguard.storage.baseline import read_module
from pytest_memguard.storage.names import ENTRIES_SUFFIX, module_of

_SHORTEST_ID = 40
_HEAD_FIELDS = 4
_LOG = (
    *("-c", "log.showSignature=false", "-c", "diff.renameLimit=5000", "log", "--topo-order", "--reverse"),
    *("--format=%x00%H%x00%ct%x00%aN%x00%s", "--raw", "-z", "-c", "-M", "--no-abbrev", "--no-color"),
    *("--no-ext-diff", "--no-textconv"),
)


@dataclass(frozen=True, slots=True)
class _File:
    """One file that a commit changed: its content before, for each parent, and after.

    The content of a missing file is empty.
    """

    old_path: str
    new_path: str
    old_blobs: tuple[str, ...]
    new_blob: str


@dataclass(frozen=True, slots=True)
class _Change:
    """A commit and the files of the baseline that it changed."""

    commit: Commit
    files: list[_File]


def read_history(project: Path, baseline: Path, environment: str, revisions: str = "HEAD") -> History:
    """Return what the commits of a range accepted for an environment, the oldest first.

    Raises `HistoryError` where there is no history to read.
    """
    repository = top_of(project)
    if repository is None:
        raise HistoryError(f"{project} is in no git repository, so there is no history of its baseline.")
    folder = folder_in(repository, baseline, environment)
    # git takes paths for patterns unless it is told that they are literal.
    done = run_git(repository, "--literal-pathspecs", *_LOG, revisions, "--", folder)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise HistoryError(f"git cannot read the history of {folder}: {said[-1] if said else 'no reason'}.")
    changes = list(_changes(done.stdout.decode("utf-8", "surrogateescape")))
    contents = _Contents(repository, folder, changes)
    lines = _Lines()
    for change in changes:
        lines.add(_steps(change, contents))
    return History(environment, lines.tests(), is_shallow(repository), tuple(contents.unread))


def folder_in(repository: Path, baseline: Path, environment: str) -> str:
    """Return the folder of an environment's baseline as git names it; `HistoryError` if git has none."""
    try:
        return (baseline.resolve() / environment).relative_to(repository).as_posix()
    except ValueError:
        raise HistoryError(f"{baseline} lies outside of the repository {repository}.") from None


def _changes(output: str) -> Iterator[_Change]:
    """Read the output of `git log --raw -z`: the head of each commit, then the files that it changed."""
    fields = iter(output.split("\0"))
    change: _Change | None = None
    for written in fields:
        field = written.lstrip("\n")  # git puts a line end between a head and its files
        if field.startswith(":"):
            assert change is not None  # noqa: S101 - git names a commit before its files
            file = _file(field, fields)
            # curves are beside the entries
            if ENTRIES_SUFFIX in (Path(file.old_path).suffix, Path(file.new_path).suffix):
                change.files.append(file)
        elif len(field) >= _SHORTEST_ID:
            if change is not None:
                yield change
            seconds, author, subject = (next(fields) for _ in range(_HEAD_FIELDS - 1))
            change = _Change(Commit(field, int(seconds), author, subject), [])
    if change is not None:
        yield change


def _file(head: str, fields: Iterator[str]) -> _File:
    """Read the line of a file, such as `:100644 100644 OLD NEW R090`; that of a merge has more parents."""
    parents = len(head) - len(head.lstrip(":"))
    words = head.lstrip(":").split(" ")
    *old_blobs, new_blob = (
        "" if set(blob) == {"0"} else blob for blob in words[parents + 1 : 2 * parents + 2]
    )
    old_path = next(fields)
    new_path = next(fields) if parents == 1 and words[-1][0] in "RC" else old_path
    return _File(old_path, new_path, tuple(old_blobs), new_blob)


class _Contents:
    """The entries in every version of every file; a version that cannot be read counts as the one before."""

    def __init__(self, repository: Path, folder: str, changes: Sequence[_Change]) -> None:
        self._folder = folder
        self.unread: list[str] = []
        self._entries: dict[str, dict[str, Entry]] = {"": {}}
        wanted = {
            blob: ("", path, "")
            for change in changes
            for file in change.files
            for path, found in ((file.old_path, file.old_blobs), (file.new_path, (file.new_blob,)))
            for blob in found
        }
        wanted |= {
            file.new_blob: (change.commit.short, file.new_path, file.old_blobs[0])
            for change in changes
            for file in change.files
        }
        wanted.pop("", None)
        for blob, content in blobs(repository, wanted):
            commit, path, before = wanted[blob]
            try:
                self._entries[blob] = self._read(path, content)
            except (BaselineError, UnicodeDecodeError):
                self.unread.append(f"{commit}:{path}")
                self._entries[blob] = self._entries.get(before, {})

    def _read(self, path: str, content: bytes | None) -> dict[str, Entry]:
        if content is None:
            raise BaselineError(f"{path} is not there or too large")
        text = content.decode("utf-8").replace("\r\n", "\n")
        return dict(read_module(self.module(path), text, Path(path)).entries)

    def module(self, path: str) -> str:
        """Return the test module that a file is for."""
        return module_of(PurePosixPath(path).relative_to(self._folder))

    def at(self, path: str, blob: str) -> dict[str, Entry]:
        """Return the entries of a file by node id; none if it is not of the baseline, or is elsewhere."""
        if not path.endswith(ENTRIES_SUFFIX) or not path.startswith(f"{self._folder}/"):
            return {}
        module = self.module(path)
        return {join_id(module, key): entry for key, entry in self._entries[blob].items()}


def _steps(change: _Change, contents: _Contents) -> list[Step]:
    """Return the changes of a commit; of a merge only those that none of its parents has."""
    before: dict[str, Entry] = {}
    after: dict[str, Entry] = {}
    changed: list[str] = []
    for file in change.files:
        olds = [contents.at(file.old_path, blob) for blob in file.old_blobs]
        new = contents.at(file.new_path, file.new_blob)
        there = {test_id for entries in (*olds, new) for test_id in entries}
        changed += [name for name in there if all(old.get(name) != new.get(name) for old in olds)]
        before |= {test_id: entry for old in reversed(olds) for test_id, entry in old.items()}
        after |= new
    moved = {
        contents.module(file.new_path): contents.module(file.old_path)
        for file in change.files
        if file.new_path != file.old_path
    }
    gone = {test_id: before[test_id] for test_id in changed if test_id not in after}
    came = {test_id: after[test_id] for test_id in changed if test_id not in before}
    names = renamings(gone, came, moved)
    left = {renaming.old_id for renaming in names.values()}
    return [
        _step(change.commit, test_id, before, after, names.get(test_id))
        for test_id in sorted(set(changed) - left)
    ]


def _step(
    commit: Commit,
    test_id: str,
    before: Mapping[str, Entry],
    after: Mapping[str, Entry],
    renaming: Renaming | None,
) -> Step:
    was = before.get(renaming.old_id if renaming else test_id)
    return Step(commit, test_id, was, after.get(test_id), renaming)


class _Lines:
    """The steps of each test, under every name that it has had."""

    def __init__(self) -> None:
        self._steps: dict[str, list[Step]] = {}

    def add(self, steps: Sequence[Step]) -> None:
        """Add the changes of one commit: first all renames, since two names may have been exchanged."""
        renamed = [step for step in steps if step.renaming is not None]
        earlier = [self._steps.pop(step.renaming.old_id, []) for step in renamed if step.renaming]
        for step, line in zip(renamed, earlier, strict=True):
            self._steps[step.test_id] = [*line, step]
        for step in (step for step in steps if step.renaming is None):
            self._steps.setdefault(step.test_id, []).append(step)

    def tests(self) -> dict[str, TestHistory]:
        """Return the history of each test by its latest name."""
        return {test_id: TestHistory(test_id, tuple(self._steps[test_id])) for test_id in sorted(self._steps)}
