"""One guarded run of pytest: from its options to its last line."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.guard.fresh import ColdGuard, without_own_fixtures
from pytest_memguard.guard.hypothesis_tests import same_examples
from pytest_memguard.guard.plan import PLAN, Plan, plan_for
from pytest_memguard.guard.rerun import TEARDOWN_ERROR
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.guard.whole import ItemGuard, Sampled
from pytest_memguard.meters import MeterUnavailableError
from pytest_memguard.meters.garbage import only_new_garbage
from pytest_memguard.run.collected import Collection
from pytest_memguard.run.ending import Ending
from pytest_memguard.run.options import apply_options, run_options
from pytest_memguard.run.verdict_report import put_verdict
from pytest_memguard.storage.results import OldResults
from pytest_memguard.storage.results_reading import result_from_json
from pytest_memguard.storage.results_writing import result_to_json
from pytest_memguard.storage.settings_file import load_settings

SAMPLED = pytest.StashKey[Sampled]()
WORKER_KEY = "memguard"


class GuardedRun:
    """Ties pytest's run to a guard session; in a worker of pytest-xdist it only measures."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        settings = apply_options(load_settings(config.rootpath), config)
        self.options = run_options(config, settings)
        self.session = GuardSession(settings, self.options.root, accepting=self.options.accept)
        self.session.chosen_meter()
        self.collection = Collection(config)
        self.is_worker = hasattr(config, "workerinput")
        self._worker_error = ""
        self._seen: set[str] = set()
        self.old_results = OldResults(self.options.results_paths)
        self.ending = Ending(self.session, self.options, self.old_results)

    def start(self) -> None:
        """Put away what an earlier run left, which is not this run's."""
        if not self.is_worker and self.options.runs_tests:
            self.session.profiles.clear()
            self.old_results.put_aside()

    def header(self) -> list[str]:
        """Return the lines of pytest's header."""
        chosen = self.session.chosen_meter()
        state = "" if self.session.has_baseline else ", no baseline for it yet"
        lines = [f"memguard: {chosen.meter.label}, {self.session.environment}{state}"]
        if chosen.reason_no_memray:
            lines.append(f"memguard: not with memray, since {chosen.reason_no_memray}")
        return lines

    def plan(self, items: list[pytest.Item]) -> None:
        """Plan every guarded item and read its accepted numbers; what cannot be planned is a usage error."""
        try:
            for item in items:
                plan = plan_for(
                    item,
                    self.session.settings,
                    everything=self.options.everything,
                    overrides=self.options.overrides,
                )
                if plan is not None:
                    item.stash[PLAN] = plan
                    self.session.entry(item.nodeid)
            self.session.add_stale(
                self.session.stale_ids(self.collection.whole_modules(), self.collection.ids)
            )
        except MemguardError as error:
            if not self.is_worker:
                raise pytest.UsageError(f"memguard: {error}") from error
            self._worker_error = f"memguard: {error}"
            items.clear()  # a worker runs no test then, and its controller ends the run with this sentence
        gc.collect()

    def around(self, item: pytest.Item) -> Any:
        """Return the context in which a guarded item's whole protocol runs."""
        plan = item.stash.get(PLAN, None)
        if plan is None:
            return nullcontext()
        return without_own_fixtures(item) if self._runs_alone(plan) else only_new_garbage()

    @contextmanager
    def guarding(self, item: Any) -> Iterator[None]:
        """Replace the run of a guarded item by a measured one."""
        plan = item.stash.get(PLAN, None)
        if plan is None:
            yield
            return
        guard: ColdGuard | ItemGuard
        if self._runs_alone(plan):
            guard = ColdGuard(item, plan, self.session)
        else:
            guard = ItemGuard(item, plan, self.session, item.runtest)
        item.stash[SAMPLED] = guard.sampled
        item.runtest = guard.run
        try:
            with same_examples(item):
                yield
        finally:
            del item.runtest

    def _runs_alone(self, plan: Plan) -> bool:
        """Say whether a test gets an interpreter of its own; one that cannot be measured needs none."""
        try:
            self.session.meter(plan.policy)
        except MeterUnavailableError:
            return False
        return plan.policy.fresh

    def raise_teardown_error(self, item: pytest.Item) -> None:
        """Raise what a tear-down between two samples raised, as the tear-down's own error."""
        error = item.stash.get(TEARDOWN_ERROR, None)
        if error is not None:
            del item.stash[TEARDOWN_ERROR]
            raise error

    def put_verdict(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        """Let the report of a guarded item carry its results, and fail where they fail."""
        if PLAN not in item.stash or call.when == "teardown":
            return
        results = put_verdict(item, report, item.stash.get(SAMPLED, None), self.session)
        report.memguard = [result_to_json(result) for result in results or ()]  # type: ignore[attr-defined]  # a report carries what it is given, through pytest-xdist too

    def take(self, report: pytest.TestReport) -> None:
        """Keep the results that a report carries; of a process that crashed there is the set-up's at most."""
        if self.is_worker:
            return
        if hasattr(report, "memguard"):
            self._seen.add(report.nodeid)
        for data in getattr(report, "memguard", ()):
            self.session.add(result_from_json(data))
        guarded = report.nodeid in self._seen or self.options.everything
        if str(report.when) == "???" and guarded and not self.session.has(report.nodeid):
            reason = f"the process that ran it ended: {report.longrepr}"
            self.session.add(self.session.unmeasured(report.nodeid, reason))

    def take_worker(self, node: Any) -> None:
        """Keep what a worker found out about the collection."""
        output = getattr(node, "workeroutput", {}).get(WORKER_KEY, {})
        self.session.add_stale(output.get("stale", ()))
        self._worker_error = self._worker_error or output.get("error", "")
        for name in output.get("differences", ()):
            self.ending.differences.add(name)

    def finish(self, session: pytest.Session) -> None:
        """End the run: a worker reports to its controller, every other process to the user."""
        if self.is_worker:
            stale = [result.id for result in self.session.results().tests if str(result.outcome) == "stale"]
            session.config.workeroutput[WORKER_KEY] = {  # type: ignore[attr-defined]  # pytest-xdist puts it there
                "stale": stale,
                "error": self._worker_error,
                "differences": list(self.session.differences()),
            }
            return
        if self._worker_error:
            self.ending.error = self._worker_error
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if session.exitstatus == pytest.ExitCode.USAGE_ERROR:
            self.old_results.put_back()
        elif self.options.runs_tests:
            self.ending.finish(session)

    def tell(self, terminal: pytest.TerminalReporter) -> None:
        """Write the summary."""
        self.ending.tell(terminal)
