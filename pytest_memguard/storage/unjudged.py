"""Finds accepted entries that no shard of a run has judged."""

from __future__ import annotations

from dataclasses import replace

from pytest_memguard.core.node_ids import without_region
from pytest_memguard.core.run_results import ProblemKind, RunProblem, RunResults
from pytest_memguard.core.units import counted
from pytest_memguard.storage.baseline import BaselineStore

_NAMED = 3


def with_unjudged_entries(results: RunResults, store: BaselineStore, *, fails: bool) -> RunResults:
    """Say of merged results which accepted entries none of them has a verdict on; raises `BaselineError`.

    One run alone looks for them itself. Of several each knows its own part, and an entry of a shard that
    is missing, or of a module that is in no shard, is in none.
    """
    unjudged = _unjudged(results, store) if results.files > 1 else []
    if not unjudged:
        return results
    more = len(unjudged) - _NAMED
    named = ", ".join(unjudged[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    entries = counted(len(unjudged), "accepted entry", "accepted entries")
    sentence = (
        f"no results among these {results.files} files are about {entries}: {named}. "
        "Add the results of the shard that is missing, run what no shard runs, or remove the entries: "
        "memguard prune"
    )
    return replace(
        results, problems=(*results.problems, RunProblem(ProblemKind.UNJUDGED_ENTRIES, sentence, fails))
    )


def _unjudged(results: RunResults, store: BaselineStore) -> list[str]:
    told = {test.id for test in results.tests} | {*results.left_out}
    accepted = store.entries_of(f"{module}::" for module in store.modules())
    return sorted(test_id for test_id in accepted if not ({test_id, without_region(test_id)} & told))
