"""Reads the accepted numbers of every commit from the git history of the baseline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from pytest_memguard.commits.accepted import entries_in
from pytest_memguard.commits.folders import Move, Trail, folder_in, follow
from pytest_memguard.commits.git import HistoryError, blobs, is_shallow, top_of
from pytest_memguard.commits.log import ChangedFile, CommitChange
from pytest_memguard.core.entries import Entry
from pytest_memguard.core.errors import BaselineError
from pytest_memguard.core.history import Commit, History, HistoryStep, TestHistory
from pytest_memguard.core.node_ids import join_id, split_id
from pytest_memguard.core.renames import is_like, renames
from pytest_memguard.storage.baseline import read_module
from pytest_memguard.storage.names import module_of


def read_history(project: Path, baseline: Path, environment: str, revisions: str = "HEAD") -> History:
    """Return what the commits of a range accepted for an environment, the oldest first.

    A baseline whose folder was moved is followed. Raises `HistoryError` where there is no history to read.
    """
    repository = top_of(project)
    if repository is None:
        raise HistoryError(
            f"{project} is in no git repository, so its baseline has no history. "
            "`memguard show` prints what is accepted now."
        )
    folder = folder_in(repository, baseline / environment)
    trail = follow(repository, project, folder, environment, revisions)
    contents = _Contents(repository, trail)
    lines = defaultdict[str, _Lines](_Lines)
    for change in trail.changes:
        move = trail.moves.get(change.commit.id)
        if move is not None:
            lines[move.new].carry(lines[move.old], move)
            lines[move.new].add(_moving_steps(repository, change, move, trail, contents))
        for name in trail.folders:
            if move is None or name not in (move.old, move.new):
                files = [file for file in change.files if trail.folder_of(file.new_path) == name]
                lines[name].add(_steps(change.commit, files, contents))
    if trail.uncommitted:
        lines[folder].carry(lines[trail.uncommitted], Move(trail.uncommitted, folder))
    return History(environment, lines[folder].tests(), is_shallow(repository), tuple(contents.unread))


class _Contents:
    """The entries in every version of every file; a version that cannot be read counts as the one before."""

    def __init__(self, repository: Path, trail: Trail) -> None:
        self._trail = trail
        self.unread: list[str] = []
        self._entries: dict[str, dict[str, Entry]] = {"": {}}
        versions = [
            (change.commit.short, file)
            for change in trail.changes
            for file in change.files
            if trail.folder_of(file.old_path) or trail.folder_of(file.new_path)
        ]
        wanted = {
            blob: ("", path, "")
            for _, file in versions
            for path, found in ((file.old_path, file.old_blobs), (file.new_path, (file.new_blob,)))
            for blob in found
        }
        wanted |= {file.new_blob: (commit, file.new_path, file.old_blobs[0]) for commit, file in versions}
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
        """Return the test module that a file is for; of a file that is not of the baseline its path."""
        folder = self._trail.folder_of(path)
        return module_of(PurePosixPath(path).relative_to(folder)) if folder else path

    def at(self, path: str, blob: str) -> dict[str, Entry]:
        """Return the entries of a file by node id; none if it is not of the baseline, or is elsewhere."""
        if not self._trail.folder_of(path):
            return {}
        module = self.module(path)
        return {join_id(module, key): entry for key, entry in self._entries[blob].items()}


def _steps(commit: Commit, files: Sequence[ChangedFile], contents: _Contents) -> list[HistoryStep]:
    """Return the changes of a commit; of a merge only those that none of its parents has."""
    before: dict[str, Entry] = {}
    after: dict[str, Entry] = {}
    changed: list[str] = []
    for file in files:
        olds = [contents.at(file.old_path, blob) for blob in file.old_blobs]
        new = contents.at(file.new_path, file.new_blob)
        there = {test_id for entries in (*olds, new) for test_id in entries}
        changed += [name for name in there if all(old.get(name) != new.get(name) for old in olds)]
        before |= {test_id: entry for old in reversed(olds) for test_id, entry in old.items()}
        after |= new
    moved = {
        contents.module(file.new_path): contents.module(file.old_path)
        for file in files
        if file.new_path != file.old_path
    }
    return _steps_between(commit, before, after, moved, changed)


def _moving_steps(
    repository: Path, change: CommitChange, move: Move, trail: Trail, contents: _Contents
) -> list[HistoryStep]:
    """Return the changes of a commit that moved the baseline: from what lay at the old place, too."""
    commit = change.commit
    there, _ = entries_in(repository, f"{commit.id}^", move.old)
    here, _ = entries_in(repository, f"{commit.id}^", move.new)
    if move.modules is None:
        before = here | there
    else:
        before = {name: entry for name, entry in there.items() if split_id(name)[0] in move.modules} | here
    after, unread = entries_in(repository, commit.id, move.new)
    contents.unread += [f"{commit.short}:{move.new}/{path}" for path in unread]
    moved = {
        module_of(PurePosixPath(file.new_path).relative_to(move.new)): module_of(
            PurePosixPath(file.old_path).relative_to(move.old)
        )
        for file in change.files
        if trail.folder_of(file.old_path) == move.old and trail.folder_of(file.new_path) == move.new
    }
    changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    return _steps_between(commit, before, after, moved, changed)


def _steps_between(
    commit: Commit,
    before: Mapping[str, Entry],
    after: Mapping[str, Entry],
    moved: Mapping[str, str],
    changed: Sequence[str],
) -> list[HistoryStep]:
    gone = {test_id: before[test_id] for test_id in changed if test_id not in after}
    came = {test_id: after[test_id] for test_id in changed if test_id not in before}
    found = renames(gone, came, {new: old for new, old in moved.items() if new != old})
    left = {renaming.old_id for renaming in found.known.values()}
    steps = []
    for test_id in sorted(set(changed) - left):
        renaming = found.known.get(test_id)
        was, now = before.get(renaming.old_id if renaming else test_id), after.get(test_id)
        perhaps = tuple(name for name in found.unknown if was is None and now and is_like(gone[name], now))
        steps.append(HistoryStep(commit, test_id, was, now, renaming, perhaps))
    return steps


class _Lines:
    """The steps of each test, under every name that it has had."""

    def __init__(self) -> None:
        self._steps: dict[str, list[HistoryStep]] = {}

    def add(self, steps: Sequence[HistoryStep]) -> None:
        """Add the changes of one commit: first all renames, since two names may have been exchanged."""
        renamed = [step for step in steps if step.renaming is not None]
        earlier = [self._steps.pop(step.renaming.old_id, []) for step in renamed if step.renaming]
        for step, line in zip(renamed, earlier, strict=True):
            self._steps[step.test_id] = [*line, step]
        for step in (step for step in steps if step.renaming is None):
            self._steps.setdefault(step.test_id, []).append(step)

    def carry(self, others: _Lines, move: Move) -> None:
        """Take over the lines of a folder that was moved here."""
        for test_id in list(others._steps):
            if move.modules is None or (split_id(test_id)[0] in move.modules and test_id not in self._steps):
                self._steps[test_id] = others._steps.pop(test_id)

    def tests(self) -> dict[str, TestHistory]:
        """Return the history of each test by its latest name."""
        return {test_id: TestHistory(test_id, tuple(self._steps[test_id])) for test_id in sorted(self._steps)}
