"""Finds where the baseline of an environment lay in earlier commits: its folder may have been moved."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_memguard.commits.git import HistoryError, blobs
from pytest_memguard.commits.log import CommitChange, read_changes, whole_changes
from pytest_memguard.core.settings import Settings
from pytest_memguard.storage.names import ENTRIES_SUFFIX, module_of
from pytest_memguard.storage.settings_file import MEMGUARD_YML, PYPROJECT, baseline_dir_in, settings_of_commit


@dataclass(frozen=True, slots=True)
class Move:
    """A baseline folder of an environment that a commit moved, as git names both.

    `modules` are those whose file was moved; None where the settings name another folder since then, so
    that the whole of it counts, whether or not its files were left behind.
    """

    old: str
    new: str
    modules: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Trail:
    """The commits that changed the baseline in any of the folders that it had, and the moves by commit.

    `uncommitted` is the folder that the last commit's settings name, where this tree has moved it since.
    """

    folder: str
    folders: tuple[str, ...]
    changes: tuple[CommitChange, ...]
    moves: Mapping[str, Move]
    uncommitted: str = ""

    def folder_of(self, path: str) -> str:
        """Return the folder that a file of the baseline is in; nothing where it is in none of them."""
        if not path.endswith(ENTRIES_SUFFIX):  # curves are beside the entries
            return ""
        return next((folder for folder in self.folders if path.startswith(f"{folder}/")), "")


def folder_in(repository: Path, folder: Path) -> str:
    """Return a folder as git names it; `HistoryError` if it is outside of the repository."""
    try:
        return folder.resolve().relative_to(repository).as_posix()
    except ValueError:
        raise HistoryError(f"{folder} lies outside of the repository {repository}.") from None


def follow(repository: Path, project: Path, folder: str, environment: str, revisions: str) -> Trail:
    """Follow the folder of an environment's baseline through the commits of a range."""
    named = NamedFolders(repository, project, environment)
    head = revisions.rpartition("..")[2]
    at_head = named.at([head])[head]
    is_there = next(blobs(repository, [f"{head}:{folder}"]))[1] is not None if at_head != folder else True
    uncommitted = at_head if at_head and not is_there else ""
    # Where the command line names the folder, the settings say nothing about it.
    settings = named.paths if uncommitted or at_head == folder else ()
    folders = [name for name in (folder, uncommitted) if name]
    moves: dict[str, Move] = {}
    while True:
        changes = read_changes(repository, [*folders, *settings], revisions)
        moves |= dict(_moved_with_settings(named, [one for one in changes if _touches(one, settings)]))
        unexplained = [one for one in changes if one.commit.id not in moves and one.parents == 1]
        moves |= dict(_moved_by_files(repository, environment, folders, unexplained))
        more = {move.old for move in moves.values()} - set(folders)
        if not more:
            return Trail(folder, tuple(folders), tuple(changes), moves, uncommitted)
        folders += sorted(more)


def _touches(change: CommitChange, paths: Sequence[str]) -> bool:
    return any(file.old_path in paths or file.new_path in paths for file in change.files)


class NamedFolders:
    """The folder of a baseline, or of one environment's, as the settings of a commit name it."""

    def __init__(self, repository: Path, project: Path, environment: str = "") -> None:
        self._root = folder_in(repository, project)
        self._repository = repository
        self._environment = environment
        self.paths = tuple(posixpath.normpath(f"{self._root}/{name}") for name in (PYPROJECT, MEMGUARD_YML))

    def at(self, commits: Sequence[str]) -> dict[str, str]:
        """Return the folder by commit; nothing where its settings cannot be read."""
        names = [f"{commit}:{path}" for commit in commits for path in self.paths]
        texts = dict(blobs(self._repository, names))
        return {
            commit: self._named(*(texts[f"{commit}:{path}"] for path in self.paths)) for commit in commits
        }

    def _named(self, pyproject: bytes | None, memguard_yml: bytes | None) -> str:
        try:
            texts = [
                None if content is None else content.decode("utf-8") for content in (pyproject, memguard_yml)
            ]
            named = baseline_dir_in(*texts)
        except ValueError:
            return ""
        return posixpath.normpath(posixpath.join(self._root, named, self._environment))


def settings_at(repository: Path, project: Path, commit: str) -> Settings:
    """Read the settings that a project had in a commit; raises `SettingsError` where they cannot be read."""
    found = blobs(repository, [f"{commit}:{path}" for path in NamedFolders(repository, project).paths])
    return settings_of_commit(
        {posixpath.basename(name.partition(":")[2]): content for name, content in found}
    )


def _moved_with_settings(named: NamedFolders, changes: Sequence[CommitChange]) -> Iterator[tuple[str, Move]]:
    """Yield the commits whose settings name another folder than the settings before them."""
    wanted = [one.commit.id for one in changes if one.parents]
    found = named.at([name for commit in wanted for name in (f"{commit}^", commit)])
    known = ""
    for commit in wanted:
        before, after = found[f"{commit}^"] or known, found[commit]
        known = after or before
        if before and after and before != after:
            yield commit, Move(before, after)


def _moved_by_files(
    repository: Path, environment: str, folders: Sequence[str], changes: Sequence[CommitChange]
) -> Iterator[tuple[str, Move]]:
    """Yield the commits that moved files here from another folder of the environment in the repository."""
    adding = {one.commit.id: folder for one in changes if (folder := _added_to(one, folders))}
    for change in whole_changes(repository, list(adding)):
        new = adding[change.commit.id]
        added = {file.new_path.removeprefix(f"{new}/") for file in change.files if file.is_added}
        origins: dict[str, set[str]] = {}
        for file in change.files:
            old, part = _split_at(file.old_path, environment)
            is_moved = file.new_path.startswith(f"{new}/") or (not file.new_blob and part in added)
            if old and old != new and is_moved and part.endswith(ENTRIES_SUFFIX):
                origins.setdefault(old, set()).add(module_of(PurePosixPath(part)))
        if origins:
            old = max(sorted(origins), key=lambda name: len(origins[name]))
            yield change.commit.id, Move(old, new, frozenset(origins[old]))


def _added_to(change: CommitChange, folders: Sequence[str]) -> str:
    """Return the folder to which a commit added files; nothing where it added none."""
    return next(
        (
            folder
            for folder in folders
            for file in change.files
            if file.is_added and file.new_path.startswith(f"{folder}/")
        ),
        "",
    )


def _split_at(path: str, environment: str) -> tuple[str, str]:
    """Split a path into the folder of an environment's baseline and the file in it.

    >>> _split_at("a/.memguard/baseline/cpython-3.11/tests/test_x.py.yml", "cpython-3.11")
    ('a/.memguard/baseline/cpython-3.11', 'tests/test_x.py.yml')
    """
    before, found, after = f"/{path}".rpartition(f"/{environment}/")
    return (f"{before}/{environment}".lstrip("/"), after) if found else ("", "")
