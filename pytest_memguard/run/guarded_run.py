"""One guarded run of pytest: from its options to its last line."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.history import ReadPasts
from pytest_memguard.core.policy import CreepLimit
from pytest_memguard.core.unpatched import Unpatched, remember_real_names
from pytest_memguard.guard.called_function import note_call
from pytest_memguard.guard.found_results import FoundResults
from pytest_memguard.guard.fresh import FreshGuard, without_own_fixtures
from pytest_memguard.guard.gc_freezing import old_objects_aside
from pytest_memguard.guard.hypothesis_tests import same_examples
from pytest_memguard.guard.isolated import HAS_FORK, isolating, report_of_fork
from pytest_memguard.guard.own_errors import BrokenGuard, Guard, own_error, run_guard
from pytest_memguard.guard.plan import PLAN, Plan, is_guarded, plan_for, refuse_twins
from pytest_memguard.guard.pytest_memray import without_its_wrapper
from pytest_memguard.guard.rerun import FAILED_PART
from pytest_memguard.guard.sampled import Sampled
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.guard.started_programs import listen
from pytest_memguard.guard.unmeasurable_plugins import refused_by_neighbour
from pytest_memguard.guard.whole import ItemGuard
from pytest_memguard.meters import MeterUnavailableError
from pytest_memguard.run.collected import Collection, lines_of
from pytest_memguard.run.colours import colour
from pytest_memguard.run.ending import Ending
from pytest_memguard.run.guard_times import GuardTimes
from pytest_memguard.run.handover import Handover, handover_of
from pytest_memguard.run.header import header_lines
from pytest_memguard.run.options import apply_options, run_options
from pytest_memguard.run.planned_tests import PlannedTests
from pytest_memguard.run.problems import RunFacts
from pytest_memguard.run.progress_line import ProgressLine
from pytest_memguard.run.stale import forgotten
from pytest_memguard.run.unread_settings import unread_settings
from pytest_memguard.run.verdict_report import put_verdict, raise_failing
from pytest_memguard.run.xdist import is_worker
from pytest_memguard.storage.journal import Journal
from pytest_memguard.storage.results import OldResults
from pytest_memguard.storage.results_json import result_from_json, result_to_json
from pytest_memguard.storage.settings_file import find_root, load_settings

SAMPLED = pytest.StashKey[Sampled]()
_IN_BODY = pytest.StashKey[bool]()
"""Whether the body of a guarded item is running: a report that is made then is one of its parts."""


class GuardedRun:
    """Ties pytest's run to a guard session; in a worker of pytest-xdist it only measures."""

    def __init__(self, config: pytest.Config, read_pasts: ReadPasts) -> None:
        self._config = config
        self._history_of = read_pasts
        settings = apply_options(load_settings(config.rootpath), config)
        self.options = run_options(config, settings)
        self.session = GuardSession(
            settings,
            self.options.root,
            accepting=self.options.accept and not self.options.asked.accepts_unasked,
            in_ci=self.options.asked.in_ci,
        )
        self.session.chosen_meter()
        self.found = FoundResults(self.session)
        self.collection = Collection()
        self.planned_tests = PlannedTests()
        self.progress = ProgressLine(config)
        self.guard_times = GuardTimes()
        self._is_worker = is_worker(config)
        self._is_fork = False
        self._handover = Handover()
        self.is_interrupted = False
        self._pytest_session: pytest.Session | None = None
        self._is_finished = False
        self._cut_off_by = ""
        self.old_results = OldResults(self.options.results_paths)
        self._earlier = ""
        self._journal = Journal(self.options.results_paths)
        self.ending = Ending(self.session, self.found, self.options, self.old_results)

    def start(self, session: pytest.Session) -> None:
        """Put away what an earlier run left, which is not this run's."""
        self._pytest_session = session
        if not self._is_worker and self.options.runs_tests:
            self.session.profiles.clear()
            self._earlier = self._journal.left_behind()
            self.old_results.put_aside()
            self._journal.start(self.found.judged())

    def header(self) -> list[str]:
        """Return the lines of pytest's header."""
        return header_lines(self.session, earlier=self._earlier)

    def plan(self, items: list[pytest.Item]) -> None:
        """Plan every guarded item and read its accepted numbers; what cannot be planned is a usage error."""
        try:
            self._plan(items)
        except MemguardError as error:
            if not self._is_worker:
                raise pytest.UsageError(f"memguard: {error}") from error
            self._handover = Handover(error=f"memguard: {error}")
            items.clear()  # a worker runs no test then, and its controller ends the run with this sentence
        remember_real_names()
        gc.collect()

    def _plan(self, items: list[pytest.Item]) -> None:
        plans: dict[str, Plan] = {}
        refuse_twins(items, everything=self.options.everything)
        for item in items:
            plan = plan_for(
                item,
                self.session.settings,
                everything=self.options.everything,
                overrides=self.options.overrides,
            )
            if plan is not None:
                item.stash[PLAN] = plans[item.nodeid] = plan
                self.session.baseline.entry(item.nodeid)
        self.progress.plan({test_id: plan.policy for test_id, plan in plans.items()})
        if any(plan.policy.children for plan in plans.values()):
            listen()
        no_history = self._read_pasts(plan.policy.creep for plan in plans.values())
        found = forgotten(self.session, self.collection, plans, items, self.options)
        left_out = self.collection.left_out(items)
        self._take_handover(
            Handover(
                **asdict(found),
                planned=tuple(plans),
                lines=lines_of(items, {*plans, *found.unguarded}),
                has_guarded=bool(plans)
                or any(is_guarded(item, everything=self.options.everything) for item in left_out),
                no_history=no_history,
                unread=unread_settings(
                    self.options.root,
                    self.session.settings,
                    (item.path for item in items),
                    Path(self._config.invocation_params.dir),
                ),
            )
        )

    def _read_pasts(self, limits: Iterable[CreepLimit | None]) -> str:
        """Read what was accepted before, where growth in small steps is judged; say why it cannot be read."""
        days = {limit.days for limit in limits if limit is not None}
        if not days:
            return ""
        store = self.session.baseline.store
        pasts = self._history_of(self.options.root, store.directory, store.environment, days)
        self.session.pasts = pasts.of
        return pasts.missing

    def began(self, item: pytest.Item) -> None:
        """Note that pytest runs a test in this process."""
        self.planned_tests.running = item.nodeid
        if not self._is_worker:
            self._journal.began(item.nodeid)

    def around(self, item: pytest.Item) -> Any:
        """Return the context in which a guarded item's whole protocol runs."""
        plan = item.stash.get(PLAN, None)
        if plan is None:
            return nullcontext()
        elsewhere = self._runs_fresh(plan) or self._isolates(plan)
        return without_own_fixtures(item) if elsewhere else old_objects_aside()

    @contextmanager
    def guarding(self, item: Any) -> Iterator[None]:
        """Replace the run of a guarded item by a measured one, which fails where the verdict does."""
        plan = item.stash.get(PLAN, None)
        if plan is None:
            yield
            return
        if self._isolates(plan):
            item.stash[SAMPLED] = Sampled()
            with isolating(item, self._run_here):
                yield
            return
        with Unpatched():  # the test's fixtures are alive
            guard = self._guard_of(item, plan)
        item.stash[SAMPLED] = guard.sampled
        item.stash[FAILED_PART] = False

        def runtest() -> None:
            item.stash[_IN_BODY] = True
            try:
                run_guard(guard, item, self.session)
            finally:
                item.stash[_IN_BODY] = False
            results = guard.sampled.results
            results[:] = [self.session.demanded(result, asks=plan.asks) for result in results]
            raise_failing(item, results)

        by_plugin = {"runtest": item.runtest} if "runtest" in vars(item) else {}
        item.runtest = runtest
        try:
            with same_examples(item):
                yield
        finally:
            del item.runtest
            vars(item).update(by_plugin)

    def _guard_of(self, item: Any, plan: Plan) -> Guard:
        """Return what measures an item; an error of memguard itself is what the guard says."""
        try:
            if self._runs_fresh(plan):
                return FreshGuard(item, plan, self.session)
            return ItemGuard(item, plan, self.session, item.runtest)
        except Exception as error:  # noqa: BLE001 - no error of memguard may fail the test
            return BrokenGuard(error, item.runtest)

    def _isolates(self, plan: Plan) -> bool:
        """Say whether a test gets a fork of this process; one with an interpreter of its own needs none."""
        return plan.policy.isolate and HAS_FORK and not self._is_fork and not self._runs_fresh(plan)

    def _run_here(self) -> None:
        """Run what follows in this process: it is the fork."""
        self._is_fork = True

    def _runs_fresh(self, plan: Plan) -> bool:
        """Say whether a test gets an interpreter of its own; a test that cannot be measured does not."""
        try:
            self.session.meter(plan.policy)
        except MeterUnavailableError:
            return False
        return plan.policy.fresh

    def keep_trackers_out(self, item: pytest.Item) -> None:
        """Take pytest-memray's tracker off an item that is measured here, as its function is called."""
        note_call(item)
        if PLAN in item.stash and not refused_by_neighbour(item):
            without_its_wrapper(item)

    def put_verdict(
        self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
    ) -> pytest.TestReport:
        """Let the report of a guarded item carry its results, or return that of the process it ran in."""
        if PLAN not in item.stash:
            return report
        theirs = report_of_fork(item, report)
        if theirs is not None or call.when == "teardown":
            return theirs or report
        if item.stash.get(_IN_BODY, False):  # a subtest has ended, and the test goes on
            item.stash[FAILED_PART] |= report.failed
            return report
        goes_on = call.when == "setup" and report.passed
        # The test's fixtures are alive, and may have patched what is needed here.
        with nullcontext() if goes_on else Unpatched():
            results, is_judged = put_verdict(item, call, report, item.stash.get(SAMPLED, None), self.session)
        report.memguard_judged = is_judged  # type: ignore[attr-defined]  # as below
        report.memguard = [result_to_json(result) for result in results]  # type: ignore[attr-defined]  # a report carries what it is given, through pytest-xdist too
        return report

    def take(self, report: pytest.TestReport) -> None:
        """Keep the results that a report carries; a process that crashed has none."""
        if self._is_worker:
            return
        if str(report.when) == "???":
            self.planned_tests.crashed(report)
        if hasattr(report, "memguard") or (self.options.everything and str(report.when) == "???"):
            self.planned_tests.add([report.nodeid])
        self.guard_times.take(report)
        if getattr(report, "memguard", ()):
            with Unpatched():  # as in `put_verdict`
                self._take_results(report)

    def _take_results(self, report: Any) -> None:
        results = [result_from_json(data) for data in report.memguard]
        colour(report, results)
        is_second = self.planned_tests.delivered(report)
        for result in results:
            if not (is_second and self.found.is_failing(result.id)):
                self.found.add(result)
                self._journal.add(result)

    def take_worker(self, node: Any) -> None:
        """Keep what a worker found out about the collection."""
        handed = handover_of(node)
        if handed is not None:
            self._take_handover(handed)

    def _take_handover(self, handed: Handover) -> None:
        self._handover = self._handover.joined(handed)
        self.planned_tests.add(handed.planned)
        self.found.add_stale(handed.stale)
        self.found.add_unguarded(handed.unguarded)
        self.found.left_out.update(handed.left_out)
        self.found.lines.update(handed.lines)
        self.ending.differences.update(handed.differences)

    def finish(self, session: pytest.Session) -> None:
        """End the run: a worker reports to its controller, every other process to the user."""
        self._is_finished = True
        if self._is_worker:
            self._hand_over()
            return
        if self._handover.error:
            self.ending.fail(session, self._handover.error, pytest.ExitCode.USAGE_ERROR)
        if session.exitstatus == pytest.ExitCode.USAGE_ERROR:
            self.old_results.put_back()
        elif self.options.runs_tests:
            try:
                self.ending.finish(session, self._facts_at_end(session))
            except Exception as error:  # noqa: BLE001 - a test may have broken anything that is needed here
                what = f"memguard: {own_error(error)}. What was measured before it: memguard summary"
                self.ending.fail(session, what, pytest.ExitCode.INTERNAL_ERROR)
                return  # the journal has all there is
        self._journal.drop()

    def code_at_end(self, how: str) -> int | None:
        """Return the code that the run ends with; nothing if no session began.

        `how` names what ends the process now, so that a run that was cut off ends here; it is empty where
        pytest itself has ended.
        """
        session = self._pytest_session
        if session is None or not self.options.runs_tests:
            return None if session is None else 0
        with Unpatched():
            if not self._is_finished:
                if self.planned_tests.is_going_on:
                    place = self.planned_tests.place
                    self._cut_off_by = f"{how} in {place}" if how else place
                self.finish(session)
            if how:
                self.ending.tell_now(self._config)
                self.session.close()
        return self.ending.code

    @property
    def is_going_on(self) -> bool:
        """Whether the user waits for results of this process, which are not written yet."""
        return bool(self._pytest_session and self.options.runs_tests) and not (
            self._is_worker or self._is_finished
        )

    def _hand_over(self) -> None:
        replace(self._handover, differences=self.session.differences()).put_into(self._config)

    def _facts_at_end(self, session: pytest.Session) -> RunFacts:
        """Give a result to every planned test that has none, and return what is known of the run."""
        for test_id, said in self.planned_tests.crashes().items():
            self.found.add(self.session.unmeasured(test_id, f"the process that ran it ended: {said}"))
        stopped = self.is_interrupted or self._cut_off_by or session.shouldstop or session.shouldfail
        lost = self.planned_tests.lost(stopped=bool(stopped))
        for test_id in lost:
            self.found.add(self.session.unmeasured(test_id, _LOST))
        self.found.look_for_renames()
        repeats_all = self._config.getoption("dist", default="no") == "each"
        return RunFacts(
            lost=lost,
            never_run=self.planned_tests.never_run() if stopped else (),
            doubled=() if repeats_all else self.planned_tests.doubled(),
            unjudged=self.planned_tests.unjudged,
            cut_off_by=self._cut_off_by,
            is_empty_by_choice=self._is_empty_by_choice(session),
            unread=self._handover.unread,
            no_history=self._handover.no_history,
            passed_over=self._handover.passed_over,
            skipped=self._handover.skipped,
            elsewhere=self._elsewhere(),
        )

    def _elsewhere(self) -> str:
        """Return pytest's rootdir, if commands called where pytest was started would look elsewhere."""
        root, start = self.options.root.resolve(), Path(self._config.invocation_params.dir)
        return "" if root in (start.resolve(), find_root(start)) else os.path.relpath(root, start)

    def _is_empty_by_choice(self, session: pytest.Session) -> bool:
        """Say whether a run without a guarded test may have left out guarded tests.

        pytest itself fails a run that has no test at all.
        """
        places = [Path(place) for place in self.options.asked.places]
        limited = any(place.is_file() for place in places) or bool(places and self.session.baseline.exists)
        return (
            limited or self._handover.has_guarded or session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
        )


_LOST = "its result is lost: the test was planned, and pytest reported no result"
