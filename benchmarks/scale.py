"""Seconds that a baseline of many entries costs: `python -m benchmarks.scale [ENTRIES …]`.

Target: 10,000 entries in 200 modules add less than a second to a run (load, judge, write the
results), `memguard accept --all` of them takes less than three, and both grow linearly.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pytest_memguard.core.entries import Entry, EntrySite
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.node_ids import split_id
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.run_results import RunResults, TestResult
from pytest_memguard.core.sites import Site, SiteBytes
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.gate.judge import judge
from pytest_memguard.storage.accepting import Acceptance, plan_acceptance
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.results import read_results, write_results

SIZES = (1_000, 10_000, 100_000)
ENTRIES_PER_MODULE = 50
SITES = 4
ENVIRONMENT = "cpython-3.11-linux-x86_64"
_Result = TypeVar("_Result")


def entries_of(count: int) -> dict[str, Entry]:
    """Make accepted entries, by node id."""
    return {
        f"tests/package_{number // 2500}/test_module_{number // ENTRIES_PER_MODULE}.py::"
        f"test_case_{number % ENTRIES_PER_MODULE}[value-{number}]": Entry(
            metrics={"peak": 2_694_911 + number, "retained": 72, "allocations": 15},
            sites=tuple(
                EntrySite(f"shop/module_{number % 7}.py:function_{site}", 1_000_000 - site, 0)
                for site in range(SITES)
            ),
        )
        for number in range(count)
    }


def measured(entry: Entry) -> Measurement:
    """Make a measurement that equals an entry."""
    sites = tuple(
        SiteBytes(Site(*_place(site.at)), site.peak_bytes, site.retained_bytes) for site in entry.sites
    )
    return Measurement(meter="memray", samples=1, metrics=entry.metrics, sites=sites)


def _place(at: str) -> tuple[str, int, str]:
    file, _, function = at.partition(":")
    return file, 41, function


def run_of(entries: dict[str, Entry], outcome: Outcome) -> RunResults:
    """Make the results of a run over these entries."""
    tests = tuple(
        TestResult(
            id=test_id,
            verdict=replace(judge(measured(entry), entry, Policy()), outcome=outcome),
            measurement=measured(entry),
        )
        for test_id, entry in entries.items()
    )
    return RunResults(environment=ENVIRONMENT, tests=tests, meter="memray (python allocators traced)")


def timed(function: Callable[[], _Result]) -> tuple[float, _Result]:
    """Call once and return the seconds with what it returned."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def accept(store: BaselineStore, run: RunResults) -> int:
    """Do what `memguard accept --all` does after it has read the results."""
    with store.locked():
        changes = plan_acceptance(
            run, store.entries_of(test.id for test in run.tests), Acceptance(everything=True)
        )
        store.update({change.test_id: change.new for change in changes}, meter=run.meter)
    return len(changes)


def judge_all(store: BaselineStore, run: RunResults) -> list[Verdict]:
    """Load every module once and judge every test, as a run does."""
    policy = Policy()
    modules = {module: store.load(module).entries for module in {split_id(test.id)[0] for test in run.tests}}
    verdicts = []
    for test in run.tests:
        module, key = split_id(test.id)
        if test.measurement is not None:
            verdicts.append(judge(test.measurement, modules[module][key], policy))
    return verdicts


def measure(count: int, directory: Path) -> dict[str, float]:
    """Return the seconds of each step for a number of entries."""
    entries = entries_of(count)
    store = BaselineStore(directory / "baseline", ENVIRONMENT)
    ok, new = run_of(entries, Outcome.OK), run_of(entries, Outcome.NEW)
    results = directory / "last.json"
    steps: dict[str, float] = {}
    steps["accept all, new"], changed = timed(lambda: accept(store, new))
    if changed != count:
        raise SystemExit(f"{changed} of {count} entries were accepted")
    steps["load and judge"], verdicts = timed(lambda: judge_all(store, ok))
    if {verdict.outcome for verdict in verdicts} != {Outcome.OK}:
        raise SystemExit("unchanged entries were not judged ok")
    steps["write results"], _ = timed(lambda: write_results(results, ok))
    steps["a run adds"] = steps["load and judge"] + steps["write results"]
    steps["read results"], _ = timed(lambda: read_results([results]))
    grown = replace(
        new,
        tests=tuple(
            replace(test, measurement=replace(test.measurement, metrics={"peak": 5_000_000}))
            for test in new.tests
            if test.measurement is not None
        ),
    )
    steps["accept all, rewritten"], _ = timed(lambda: accept(store, grown))
    steps["results MiB"] = results.stat().st_size / 1024**2
    return steps


def main(arguments: list[str]) -> None:
    """Print a column for each number of entries."""
    sizes = [int(argument) for argument in arguments] or list(SIZES)
    columns = []
    for count in sizes:
        with tempfile.TemporaryDirectory(prefix="memguard-scale-") as name:
            columns.append(measure(count, Path(name)))
    print(f"{'seconds':24}" + "".join(f"{count:>12,}" for count in sizes))
    for step in columns[0]:
        print(f"{step:24}" + "".join(f"{column[step]:12.3f}" for column in columns))


if __name__ == "__main__":
    main(sys.argv[1:])
