"""`memguard prune`: remove baseline entries that no guarded test has."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_memguard.cli.parameters import (
    baseline_option,
    dry_run_option,
    environment_option,
    from_option,
    patterns_argument,
)
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.core.changes import Change
from pytest_memguard.core.errors import NothingToJudgeError
from pytest_memguard.core.node_ids import join_id, split_id
from pytest_memguard.core.units import counted
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage.accepting import plan_removal, select
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.results import read_results


@click.command()
@patterns_argument
@environment_option
@from_option
@baseline_option
@dry_run_option
@pass_project
def prune(
    project: Project,
    *,
    patterns: tuple[str, ...],
    environment: str | None,
    sources: tuple[Path, ...],
    baseline: str | None,
    dry_run: bool,
) -> None:
    """Remove the entries that the last run found stale or unguarded, and those of deleted test files.

    With PATTERNS (node ids, files, folders or shell patterns) exactly the entries that they name
    are removed, whatever the last run says.
    """
    store = project.store(environment, baseline)
    if not store.exists():
        raise NothingToJudgeError(
            f"nothing is accepted for {store.environment} in {store.directory}, so nothing can be pruned. "
            "`memguard show` says what is accepted."
        )
    if dry_run:
        changes = _plan(project, store, patterns, sources)
    else:
        with store.locked():
            changes = _plan(project, store, patterns, sources)
            store.update({change.test_id: None for change in changes})
    project.write(*(f"  {printable(change.description)}" for change in changes))
    verb = "would be removed" if dry_run else "removed"
    count = counted(len(changes), "entry", "entries")
    project.write(f"{count} {verb} for {store.environment}.")


def _plan(
    project: Project, store: BaselineStore, patterns: tuple[str, ...], sources: tuple[Path, ...]
) -> list[Change]:
    modules = [store.load(module) for module in store.modules()]
    entries = {join_id(one.module, key): entry for one in modules for key, entry in one.entries.items()}
    if patterns:
        return [
            Change(test_id, entries[test_id], None)
            for test_id in sorted(select(entries, patterns, accepted=True))
        ]
    deleted = _deleted(project, [one.module for one in modules])
    changes = {
        test_id: Change(test_id, entry, None)
        for test_id, entry in entries.items()
        if split_id(test_id)[0] in deleted
    }
    try:
        results = read_results(project.results(sources))
    except NothingToJudgeError:
        if not deleted:
            raise
    else:
        if results.environment == store.environment:
            changes |= {change.test_id: change for change in plan_removal(results, entries)}
    return [changes[test_id] for test_id in sorted(changes)]


def _deleted(project: Project, modules: list[str]) -> set[str]:
    """Return the modules whose file is gone; where all seem gone, the folder is the wrong one."""
    deleted = {module for module in modules if not (project.root / module).exists()}
    if len(deleted) == len(modules):
        raise NothingToJudgeError(
            f"none of the {len(modules):,} test files of the baseline exists below {project.root}; "
            "name pytest's root folder with `memguard --root DIR prune`, or the entries with patterns."
        )
    return deleted
