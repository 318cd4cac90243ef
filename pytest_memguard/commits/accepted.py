"""Reads what a commit has accepted, and compares it with another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_memguard.commits.git import HistoryError, blobs, run_git, text_of_git
from pytest_memguard.commits.renames import renamings
from pytest_memguard.core.errors import BaselineError
from pytest_memguard.core.history import Renaming
from pytest_memguard.core.measurement import Entry
from pytest_memguard.core.node_ids import join_id, split_id
from pytest_memguard.storage.accepting import Change
from pytest_memguard.storage.baseline import read_module
from pytest_memguard.storage.names import ENTRIES_SUFFIX, module_of


@dataclass(frozen=True, slots=True)
class Accepted:
    """What one commit has accepted: entries by environment and test, and the content of the files.

    `unread` names files that cannot be read, so that their entries are not known.
    """

    entries: Mapping[str, Mapping[str, Entry]]
    texts: Mapping[str, bytes]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AcceptedChange:
    """A change of an entry, with the name that it had before if it was renamed."""

    change: Change
    renaming: Renaming | None = None


def merge_base(repository: Path, commit: str) -> str:
    """Return the merge base of this tree's commit and another one; the other one if the clone lacks it."""
    return text_of_git(repository, "merge-base", commit, "HEAD") or commit


def accepted_at(repository: Path, commit: str, baseline: Path) -> Accepted:
    """Read a whole baseline folder as it is in a commit; `HistoryError` if it is outside the repository."""
    try:
        folder = baseline.resolve().relative_to(repository).as_posix()
    except ValueError:
        raise HistoryError(f"{baseline} lies outside of the repository {repository}.") from None
    listed = run_git(
        repository,
        "--literal-pathspecs",
        "ls-tree",
        "-r",
        "-z",
        "--name-only",
        "--full-tree",
        commit,
        "--",
        folder,
    )
    everything = listed.stdout.decode("utf-8", "surrogateescape").split("\0")
    names = [name for name in everything if name.endswith(ENTRIES_SUFFIX)]
    entries: dict[str, dict[str, Entry]] = {}
    texts: dict[str, bytes] = {}
    unread = []
    # A name may contain a line end, and `git cat-file` would take it for two names.
    for name, content in blobs(repository, [f"{commit}:{name}" for name in names if "\n" not in name]):
        path = name.partition(":")[2]
        environment, *parts = PurePosixPath(path).relative_to(folder).parts
        if content is None or not parts:
            continue
        texts[path] = content
        module = module_of(PurePosixPath(*parts))
        try:
            read = read_module(module, content.decode("utf-8").replace("\r\n", "\n"), Path(path))
        except (BaselineError, UnicodeDecodeError):
            unread.append(path)
            continue
        found = entries.setdefault(environment, {})
        found.update({join_id(module, key): entry for key, entry in read.entries.items()})
    return Accepted(entries, texts, tuple(unread))


def changes_between(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[AcceptedChange]:
    """Return what changed between two sets of entries, sorted by test; renamed entries are followed."""
    gone = {name: entry for name, entry in before.items() if name not in after}
    came = {name: entry for name, entry in after.items() if name not in before}
    names = renamings(gone, came, _moved(gone, came))
    left = {renaming.old_id for renaming in names.values()}
    changes = [AcceptedChange(Change(name, entry, None)) for name, entry in gone.items() if name not in left]
    for name, entry in after.items():
        renaming = names.get(name)
        old = before.get(renaming.old_id if renaming else name)
        if old != entry or renaming is not None:
            changes.append(AcceptedChange(Change(name, old, entry), renaming))
    return sorted(changes, key=lambda changed: changed.change.test_id)


def _moved(gone: Mapping[str, Entry], came: Mapping[str, Entry]) -> dict[str, str]:
    """Return the earlier names of new modules that have exactly the tests of a module that was removed."""
    old, new = _keys_by_module(gone), _keys_by_module(came)
    moved = {}
    for module, keys in new.items():
        same = [name for name, others in old.items() if others == keys]
        if len(same) == 1 and list(new.values()).count(keys) == 1:
            moved[module] = same[0]
    return moved


def _keys_by_module(entries: Mapping[str, Entry]) -> dict[str, frozenset[str]]:
    keys: dict[str, set[str]] = {}
    for test_id in entries:
        module, key = split_id(test_id)
        keys.setdefault(module, set()).add(key)
    return {module: frozenset(found) for module, found in keys.items()}
