"""`memguard check`: validate the baseline of a pull request, without running any test."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from pytest_memguard.cli.parameters import baseline_option
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.commits.accepted import (
    Accepted,
    AcceptedChange,
    accepted_before,
    changes_between,
    merge_base,
)
from pytest_memguard.commits.folders import settings_at
from pytest_memguard.commits.git import RevisionError, commit_of, resolve_commit, top_of
from pytest_memguard.core.entries import Entry
from pytest_memguard.core.errors import NothingToJudgeError, SettingsError
from pytest_memguard.core.metrics import METRICS
from pytest_memguard.core.notes import NOTE_RULE, is_reason, lacking_note, lacking_origin
from pytest_memguard.core.units import counted
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.baseline_check import CheckedFile, checked_files
from pytest_memguard.storage.names import environments_in

_FAULTY = 2
_UNEXPLAINED = 1
_BASES = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_DIFF_BASE_SHA")
"""What services call the commit that a pull request or merge request is to be merged into."""

_SHOWN = 20
_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Base:
    """The commit that a baseline is compared with, in words, what it had accepted, and its `require_note`."""

    name: str = ""
    accepted: Accepted | None = None
    require_note: float | None = None

    def has_same(self, path: Path, baseline: Path) -> bool:
        """Say whether a file is there as it is now, whoever wrote it and with which version."""
        if self.accepted is None:
            return False
        return self.accepted.texts.get(path.relative_to(baseline).as_posix()) == path.read_bytes()


@click.command()
@click.argument("revision", required=False)
@baseline_option
@pass_project
def check(project: Project, *, revision: str | None, baseline: str | None) -> int:
    """Check the baseline: readable, as `accept` writes it, with notes where `require_note` wants them.

    It is compared with where this branch left REVISION: in CI the branch that it is to be merged into,
    else the default branch of `origin` or, without one, the last commit. Nothing is run. Exit code 2 for
    a file that cannot be read or was edited by hand, 1 for growth without its note.
    """
    directory = project.baseline(baseline)
    stores = [BaselineStore(directory, name) for name in environments_in(directory)]
    base = _base(project, directory, revision, is_given=baseline is not None)
    if not stores and not (base.accepted and base.accepted.entries):
        raise NothingToJudgeError(
            f"nothing is accepted in {directory}, so there is nothing to check. Accept numbers with: "
            "pytest --memguard --memguard-accept"
        )
    files = {store.environment: list(checked_files(store)) for store in stores}
    faults = _tell_faults(project, files, base, directory)
    lacking = sum(
        _tell_changes(project, environment, files.get(environment, []), base)
        for environment in sorted({*files, *(base.accepted.entries if base.accepted else ())})
    )
    number = counted(sum(map(len, files.values())), "file")
    fine = "" if faults or lacking else ", all of them fine"
    project.write(f"{number} of the baseline checked{fine}.")
    return _FAULTY if faults else _UNEXPLAINED if lacking else 0


def _base(project: Project, directory: Path, revision: str | None, *, is_given: bool) -> _Base:
    """Find what to compare with; `RevisionError` where a commit that was named is not here."""
    repository = top_of(project.root)
    if repository is None:
        if revision is not None:
            raise RevisionError(
                f"{project.root} is in no git repository, so {revision!r} cannot be found. "
                "`memguard check` alone checks the files as they are."
            )
        return _Base()
    named = revision or next((os.environ[name] for name in _BASES if os.environ.get(name)), None)
    if named:
        commit: str | None = resolve_commit(repository, named)
    else:
        commit = commit_of(repository, "refs/remotes/origin/HEAD") or commit_of(repository, "HEAD")
    if commit is None:
        return _Base()
    found = merge_base(repository, commit)
    accepted = accepted_before(repository, project.root, found, directory, is_given=is_given)
    return _Base(found[:10], accepted, _required_at(repository, project, found))


def _required_at(repository: Path, project: Project, commit: str) -> float | None:
    """Return the `require_note` of a commit; settings that cannot be read there have no say."""
    try:
        return settings_at(repository, project.root, commit).require_note
    except SettingsError:
        return None


def _tell_faults(
    project: Project, files: Mapping[str, Sequence[CheckedFile]], base: _Base, directory: Path
) -> bool:
    """Write what is wrong with files, and say whether anything is.

    What is as it was before was written by an earlier version, if not by hand.
    """
    faulty = [
        file
        for checked in files.values()
        for file in checked
        if file.fault and not (file.is_readable and base.has_same(file.path, directory))
    ]
    for file in faulty:
        project.write(f"{printable(file.fault.rstrip('.'), at_most=1000)}.")
    if faulty:
        restored = base.name or "HEAD"
        project.write(
            f"Entries are changed with `memguard accept`; `git checkout {restored} -- FILE` restores a file."
        )
    if base.accepted is not None and base.accepted.unread:
        shown = ", ".join(map(printable, base.accepted.unread[:_NAMED]))
        project.write(f"Not readable in {base.name}, so what is accepted there is not known: {shown}.")
    return bool(faulty)


def _tell_changes(project: Project, environment: str, checked: Sequence[CheckedFile], base: _Base) -> int:
    """Write what is accepted since the base; return how many entries lack a note."""
    if base.accepted is None or not all(file.is_readable for file in checked):
        return 0
    after = {name: entry for file in checked for name, entry in file.entries.items()}
    changes = changes_between(base.accepted.entries.get(environment, {}), after)
    if not changes:
        return 0
    project.write(f"{environment}, accepted since {base.name}: {_totals(changes)}")
    share = _note_share(project, base)
    wanting = 0
    for number, one in enumerate(sorted(changes, key=_growth_bytes, reverse=True)):
        lacking = lacking_note(one.change.old, one.change.new, share) or lacking_origin(
            one.change.new, one.perhaps, share
        )
        wanting += bool(lacking)
        if number < _SHOWN or lacking or one.change.loosened:
            project.write(*_change_lines(one, lacking))
    if len(changes) > _SHOWN:
        project.write(f"  {len(changes):,} in all; `git diff {base.name}` shows each")
    return wanting


def _note_share(project: Project, base: _Base) -> float | None:
    """Return the share of growth that requires a note: the smaller one of this branch and of the base."""
    own = project.settings.require_note
    share = min((each for each in (own, base.require_note) if each is not None), default=None)
    if share != own and share is not None:
        said = "nothing" if own is None else f"{own * 100:g}%"
        project.write(
            f"require_note is {share * 100:g}% in {base.name}, which counts; this branch says {said}."
        )
    return share


def _change_lines(one: AcceptedChange, lacking: str) -> Iterator[str]:
    note = one.change.new.note if one.change.new is not None else ""
    yield f"  {printable(one.change.description, at_most=400)}"
    if one.change.loosened:
        yield f"      looser: {'; '.join(one.change.loosened)}"
    if one.renaming is not None:
        yield f"      was {printable(one.renaming.old_id)} before"
    if one.perhaps and not lacking:
        yield f"      may have been {printable(next(iter(one.perhaps)))} before, which is removed"
    if lacking:
        yield f'      NO NOTE: {lacking}. Accept it again with --note "WHY"'
    if note and not (lacking and is_reason(note)):
        yield f"      note: {printable(note)}{f' ({NOTE_RULE})' if lacking else ''}"


def _totals(changes: Sequence[AcceptedChange]) -> str:
    """Write how many entries did what, and the sum of each metric."""
    pairs = [(one.change.old, one.change.new) for one in changes]
    kept = [(old, new) for old, new in pairs if old is not None and new is not None]
    numbers = {
        "new": sum(old is None for old, _ in pairs),
        "removed": sum(new is None for _, new in pairs),
        "changed": len(kept),
    }
    listed = ", ".join(f"{number:,} {word}" for word, number in numbers.items() if number)
    sums = [text for name in METRICS if (text := _sum(name, kept))]
    return "; ".join([listed, *sums])


def _sum(name: str, kept: Sequence[tuple[Entry, Entry]]) -> str:
    """Write what a metric gained and lost over entries that have it before and after."""
    metric = METRICS[name]
    differences = [
        new.metrics[name] - old.metrics[name]
        for old, new in kept
        if metric.is_gated and name in old.metrics and name in new.metrics
    ]
    parts = (sum(each for each in differences if each > 0), sum(each for each in differences if each < 0))
    texts = [metric.growth_text(part) for part in parts if part]
    return f"{metric.label} {' and '.join(texts)}" if texts else ""


def _growth_bytes(one: AcceptedChange) -> int:
    old, new = one.change.old, one.change.new
    if new is None:
        return -1
    was = old.metrics if old is not None else {}
    return max(
        (size - was.get(name, 0) for name, size in new.metrics.items() if not METRICS[name].is_count),
        default=0,
    )
