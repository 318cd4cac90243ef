"""`memguard prune`: remove baseline entries that no guarded test answers for."""

from __future__ import annotations

from pytest_memguard.cli.command import BASELINE, DRY_RUN, FROM, PATTERNS, Call, Command, Option
from pytest_memguard.core.environment import environment_key
from pytest_memguard.core.errors import NothingToJudgeError
from pytest_memguard.core.node_ids import join_id
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage.accepting import Change, plan_removal, select
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.results import read_results


def prune(call: Call) -> int:
    """Remove stale and unguarded entries, those of deleted files, or those that patterns name."""
    dry_run = call.flag("dry-run")
    store = BaselineStore(call.baseline_directory, call.text("environment") or environment_key())
    if not store.exists():
        raise NothingToJudgeError(
            f"nothing is accepted for {store.environment} in {store.directory}; there is nothing to prune."
        )
    if dry_run:
        changes = _plan(call, store)
    else:
        with store.locked():
            changes = _plan(call, store)
            store.update({change.test_id: None for change in changes})
    for change in changes:
        call.write(f"  {printable(change.description)}")
    verb = "would be removed" if dry_run else "removed"
    count = f"{len(changes):,} {'entry' if len(changes) == 1 else 'entries'}"
    call.write(f"{count} {verb} for {store.environment}.")
    return 0


def _plan(call: Call, store: BaselineStore) -> list[Change]:
    modules = [store.load(module) for module in store.modules()]
    entries = {join_id(one.module, key): entry for one in modules for key, entry in one.entries.items()}
    patterns = call.texts("patterns")
    if patterns:
        return [
            Change(test_id, entries[test_id], None)
            for test_id in sorted(select(entries, patterns, accepted=True))
        ]
    deleted = _deleted(call, [one.module for one in modules])
    changes = {
        join_id(one.module, key): Change(join_id(one.module, key), entry, None)
        for one in modules
        if one.module in deleted
        for key, entry in one.entries.items()
    }
    try:
        results = read_results(call.results_paths)
    except NothingToJudgeError:
        if not deleted:
            raise
    else:
        if results.environment == store.environment:
            changes |= {change.test_id: change for change in plan_removal(results, entries)}
    return [changes[test_id] for test_id in sorted(changes)]


def _deleted(call: Call, modules: list[str]) -> set[str]:
    """Return the modules whose file is gone; where all seem gone, the folder is the wrong one."""
    deleted = {module for module in modules if not (call.root / module).exists()}
    if len(deleted) == len(modules):
        raise NothingToJudgeError(
            f"none of the {len(modules):,} test files of the baseline exists below {call.root}; "
            "name pytest's root folder with `memguard --root DIR prune`, or the entries with patterns."
        )
    return deleted


COMMAND = Command(
    help="""Remove the entries that the last run found stale or unguarded, and those of deleted test files.

    With PATTERNS (node ids, files, folders or shell patterns) exactly the entries that they name
    are removed, whatever the last run says.
    """,
    run=prune,
    arguments=(PATTERNS,),
    options=(Option("environment", "Another environment's entries.", value="KEY"), FROM, BASELINE, DRY_RUN),
)
