"""Finds accepted entries without a guarded test, and those that a run leaves out on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pytest

from pytest_memguard.core.node_ids import REGION, join_id, split_id, without_region
from pytest_memguard.guard.plan import Plan
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.run.collected import Collection
from pytest_memguard.run.options import RunOptions


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Node ids of entries whose test is gone, and of those whose test runs without a guard.

    `left_out` are entries that the run met and need not judge. `passed_over` are modules whose entries were
    not judged although the command line selects no tests, `skipped` those that skip themselves.
    """

    stale: tuple[str, ...] = ()
    unguarded: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def forgotten(
    session: GuardSession,
    collection: Collection,
    plans: Mapping[str, Plan],
    items: Sequence[pytest.Item],
    options: RunOptions,
) -> Forgotten:
    """Find the entries that the run could have judged and did not; a run that selects tests finds none.

    `plans` are those of the guarded tests by node id. Tests that are left out, by options or by a
    plugin for another shard, are there and do not run.
    """
    left_out = {item.nodeid for item in collection.left_out(items)}
    deselected = left_out if options.always_deselects else set()
    # Elsewhere it would read files for nothing: shards are merged in CI.
    excused = tuple(_excused(session, collection, deselected)) if options.asked.in_ci else ()
    if options.asked.selects:
        return Forgotten(left_out=excused)
    existing = collection.ids
    vanished = _vanished(session, collection, options, plans)
    stale = [test_id for module in vanished for test_id in _ids(session, module)]
    unguarded = []
    for module in collection.whole_modules():
        for test_id in _ids(session, module):
            base, _, region = (test_id, "", "") if test_id in existing else test_id.rpartition(REGION)
            if base not in existing:
                stale.append(test_id)
            elif base not in left_out and not (base in plans and plans[base].guards(region)):
                unguarded.append(test_id)
    excused_modules = {split_id(test_id)[0] for test_id in excused}
    passed_over = excused_modules - collection.broken_modules
    skipped = excused_modules & collection.broken_modules - collection.failed_modules
    if options.asked.in_ci:
        passed_over |= {*_uncollected(session, collection, options)}
    return Forgotten(
        tuple(stale), tuple(unguarded), excused, tuple(sorted(passed_over)), tuple(sorted(skipped))
    )


def _excused(session: GuardSession, collection: Collection, deselected: set[str]) -> Iterator[str]:
    """Yield the entries of tests that pytest's own options deselect, and of modules that are skipped."""
    accepted = {*session.baseline.store.modules()}
    for module in accepted & {split_id(test_id)[0] for test_id in deselected}:
        for test_id in _ids(session, module):
            if test_id in deselected or without_region(test_id) in deselected:
                yield test_id
    for module in accepted & collection.broken_modules:
        yield from _ids(session, module)


def _ids(session: GuardSession, module: str) -> list[str]:
    return [join_id(module, key) for key in session.baseline.module(module).entries]


def _uncollected(session: GuardSession, collection: Collection, options: RunOptions) -> Iterator[str]:
    """Yield the modules of the baseline that are there, within the run's reach, and were not collected."""
    for module in session.baseline.store.modules():
        path = session.root / module
        if module not in collection.modules and options.reach(path) and path.exists():
            yield module


def _vanished(
    session: GuardSession, collection: Collection, options: RunOptions, planned: Iterable[str]
) -> Iterator[str]:
    """Yield the modules of the baseline whose file is gone, as far as the run would have met it.

    One that has moved to where the run looks is gone from where it does not: a new module of its name has
    tests of its names. A baseline outside of the project may be that of several, whose files are elsewhere.
    """
    if not session.baseline.store.directory.resolve().is_relative_to(session.root.resolve()):
        return
    accepted = session.baseline.store.modules()
    new = {split_id(test_id) for test_id in planned}
    came = {(PurePosixPath(module).name, key) for module, key in new if module not in accepted}
    for module in accepted:
        path = session.root / module
        if module in collection.modules or path.exists():
            continue
        if options.reach(path) or any(
            (path.name, key) in came for key in session.baseline.module(module).entries
        ):
            yield module
