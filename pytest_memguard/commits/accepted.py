"""Reads what a commit has accepted, and compares it with another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pytest_memguard.commits.folders import NamedFolders, folder_in
from pytest_memguard.commits.git import blobs, run_git, text_of_git
from pytest_memguard.core.changes import Change
from pytest_memguard.core.entries import Entry
from pytest_memguard.core.errors import BaselineError
from pytest_memguard.core.history import Renaming
from pytest_memguard.core.node_ids import join_id
from pytest_memguard.core.renames import renames
from pytest_memguard.storage.baseline import read_module
from pytest_memguard.storage.names import ENTRIES_SUFFIX, baseline_files, module_of


@dataclass(frozen=True, slots=True)
class Accepted:
    """What one commit has accepted: entries by environment and test, and the content of the files.

    The files are those of the folder, by their paths in it. `unread` names those that cannot be read, so that
    their entries are not known.
    """

    entries: Mapping[str, Mapping[str, Entry]]
    texts: Mapping[str, bytes]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AcceptedChange:
    """A change of an entry, with the name that it had before if it was renamed.

    `perhaps` are removed entries: a new one may be any of them under another name.
    """

    change: Change
    renaming: Renaming | None = None
    perhaps: Mapping[str, Entry] = field(default_factory=dict)


def merge_base(repository: Path, commit: str) -> str:
    """Return the merge base of this tree's commit and another one; the other one if the clone lacks it."""
    return text_of_git(repository, "merge-base", commit, "HEAD") or commit


def accepted_at(repository: Path, commit: str, folder: str) -> Accepted:
    """Read a whole baseline folder, as git names it, as it is in a commit."""
    texts = {path: content for path, content in _files_in(repository, commit, folder) if "/" in path}
    files: dict[str, dict[str, bytes]] = {}
    for path, content in texts.items():
        environment, _, part = path.partition("/")
        files.setdefault(environment, {})[part] = content
    read = {environment: _entries_of(there) for environment, there in files.items()}
    return Accepted(
        {environment: entries for environment, (entries, _) in read.items()},
        texts,
        tuple(f"{environment}/{part}" for environment, (_, unread) in read.items() for part in unread),
    )


def entries_in(repository: Path, commit: str, folder: str) -> tuple[dict[str, Entry], list[str]]:
    """Return the entries of one environment, in its folder as git names it, and files that cannot be read."""
    return _entries_of(dict(_files_in(repository, commit, folder)))


def _entries_of(files: Mapping[str, bytes]) -> tuple[dict[str, Entry], list[str]]:
    """Return the entries of the files of an environment by node id, and the files that cannot be read."""
    entries: dict[str, Entry] = {}
    unread = []
    for path, content in files.items():
        module = module_of(PurePosixPath(path))
        try:
            read = read_module(module, content.decode("utf-8").replace("\r\n", "\n"), Path(path))
        except (BaselineError, UnicodeDecodeError):
            unread.append(path)
            continue
        entries.update({join_id(module, key): entry for key, entry in read.entries.items()})
    return entries, unread


def _files_in(repository: Path, commit: str, folder: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a baseline folder in a commit by their paths in it."""
    # A name may contain a line end, and `git cat-file` would take it for two names.
    names = [name for name in _names_in(repository, commit, folder) if "\n" not in name]
    for name, content in blobs(repository, [f"{commit}:{name}" for name in names]):
        path = PurePosixPath(name.partition(":")[2])
        if content is not None:
            yield path.relative_to(folder).as_posix(), content


def _names_in(repository: Path, commit: str, *folders: str) -> list[str]:
    """Return the names of the files of accepted numbers in a commit, in some folders or in all."""
    words = ("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, "--", *folders)
    listed = run_git(repository, "--literal-pathspecs", *words).stdout.decode("utf-8", "surrogateescape")
    return [name for name in listed.split("\0") if name.endswith(ENTRIES_SUFFIX)]


def accepted_before(
    repository: Path, project: Path, commit: str, baseline: Path, *, is_given: bool
) -> Accepted:
    """Read what a commit had accepted, wherever its baseline lay.

    That is where its own settings name it, unless the command line names the folder (`is_given`), else where
    the baseline is now. Files that this tree has moved here from elsewhere count, too.
    Raises `HistoryError` if the folder is outside of the repository.
    """
    here = folder_in(repository, baseline)
    named = here if is_given else NamedFolders(repository, project).at([commit])[commit]
    found = accepted_at(repository, commit, named) if named and named != here else Accepted({}, {})
    if not found.entries:
        found = accepted_at(repository, commit, here)
    new = {path.relative_to(baseline).as_posix() for path in baseline_files(baseline)} - found.texts.keys()
    elsewhere = _moved_here(repository, commit, here, new, is_first=not found.entries) if new else ""
    if not elsewhere:
        return found
    there = accepted_at(repository, commit, elsewhere)
    environments = there.entries.keys() | found.entries.keys()
    return Accepted(
        {name: {**there.entries.get(name, {}), **found.entries.get(name, {})} for name in environments},
        {**there.texts, **found.texts},
        (*there.unread, *found.unread),
    )


def _moved_here(repository: Path, commit: str, here: str, new: AbstractSet[str], *, is_first: bool) -> str:
    """Return the folder elsewhere in the repository that lost the files which are new here, if there is one.

    Where there was nothing here before, files of the same environments are enough.
    """
    environments = {name.partition("/")[0] for name in new}
    lost, like = Counter[str](), Counter[str]()
    for name in _names_in(repository, commit):
        if name.startswith(f"{here}/") or (repository / name).exists():
            continue
        parts = name.split("/")
        for start in range(1, len(parts) - 1):
            folder = "/".join(parts[:start])
            lost[folder] += "/".join(parts[start:]) in new
            like[folder] += parts[start] in environments
    counted = +lost or (+like if is_first else +lost)
    return max(sorted(counted), key=lambda folder: counted[folder], default="")


def changes_between(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[AcceptedChange]:
    """Return what changed between two sets of entries, sorted by test; renamed entries are followed."""
    gone = {name: entry for name, entry in before.items() if name not in after}
    came = {name: entry for name, entry in after.items() if name not in before}
    found = renames(gone, came, {})
    left = {renaming.old_id for renaming in found.known.values()}
    changes = [AcceptedChange(Change(name, entry, None)) for name, entry in gone.items() if name not in left]
    for name, entry in after.items():
        renaming = found.known.get(name)
        old = before.get(renaming.old_id if renaming else name)
        if old != entry or renaming is not None:
            perhaps = {} if old is not None else {name: gone[name] for name in found.unknown}
            changes.append(AcceptedChange(Change(name, old, entry), renaming, perhaps))
    return sorted(changes, key=lambda changed: changed.change.test_id)
