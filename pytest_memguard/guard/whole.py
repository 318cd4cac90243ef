"""Guards a whole test: takes samples until the verdict can stand, and checks it for leaks."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import cache, partial

import pytest

from pytest_memguard.core.errors import noted
from pytest_memguard.core.leak_finding import Answer, LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.sample import Sample
from pytest_memguard.core.unpatched import as_test_sees_it
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.gate.judge import has_settled_higher
from pytest_memguard.gate.wording import doubts_text
from pytest_memguard.guard.bench_records import BenchRecords
from pytest_memguard.guard.called_function import RAN_ELSEWHERE, CalledFunction
from pytest_memguard.guard.children import ended_in_children
from pytest_memguard.guard.confirming import (
    Execution,
    NotConfirmedError,
    confirm,
    further_execution,
    with_peak_lines,
)
from pytest_memguard.guard.fresh_messages import FreshResult, FreshSampling
from pytest_memguard.guard.fresh_process import FreshError, run_fresh
from pytest_memguard.guard.in_each_order import InEachOrder, only_first_order_checked, play_again
from pytest_memguard.guard.isolated import CANNOT_FORK, HAS_FORK
from pytest_memguard.guard.leak_check import CannotRepeatError, check_item
from pytest_memguard.guard.log_records import log_records_let_go
from pytest_memguard.guard.plan import Plan
from pytest_memguard.guard.pytest_memray import OWN_TRACKER, wants_own_tracker
from pytest_memguard.guard.regions import RegionGuard
from pytest_memguard.guard.rerun import TEST_ERRORS, Rerunner, keeping_names, recorded_failure
from pytest_memguard.guard.sample_in_progress import SampleInProgress, Taken
from pytest_memguard.guard.sampled import Sampled
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.guard.silenced import quietly
from pytest_memguard.guard.tasks import as_tasks, tasks_refused
from pytest_memguard.guard.threads import from_threads, prepared, threads_refused, with_meetings
from pytest_memguard.guard.unmeasurable_plugins import refused_by_neighbour
from pytest_memguard.guard.warming import warm_up
from pytest_memguard.meters import MeterError, MeterUnavailableError
from pytest_memguard.meters.stack_room import with_room


@cache
def _know_own_source() -> None:
    """Read memguard's own source, once for the process.

    The debug mode of asyncio reads the source of every frame it meets. What the frames of a further
    execution add would seem to be the test's.
    """
    for name, module in tuple(sys.modules.items()):
        if name.startswith("pytest_memguard.") and module.__file__ is not None:
            linecache.getlines(module.__file__)


class ItemGuard:
    """Measures one item, whose own run is `runtest`."""

    def __init__(
        self, item: pytest.Item, plan: Plan, session: GuardSession, runtest: Callable[[], None]
    ) -> None:
        self._item = item
        self._plan = plan
        self._session = session
        seen = as_test_sees_it(ended_in_children(keeping_names(item, runtest)))
        policy, namer = plan.policy, session.namer
        runs = {order: as_tasks(item, seen, policy, namer, orders=[order]) for order in policy.orders_tried}
        self._runtest = runs[policy.orders_tried[0]]
        self._seen = seen
        self._in_each_order = InEachOrder(policy.orders_tried)
        self._sampled_runs = {
            order: from_threads(item, run, policy, namer, order=order) for order, run in runs.items()
        }
        self._called = CalledFunction(item)
        self._rerunner = Rerunner(item)
        self._records = BenchRecords(session.namer)
        self._notes: tuple[str, ...] = (CANNOT_FORK,) if plan.policy.isolate and not HAS_FORK else ()
        self._is_first = True
        self._failed_repeated: Exception | None = None
        self.sampled = Sampled()

    def run(self) -> None:
        """Run the item and keep its results; what the test itself raises goes on up."""
        try:
            self._session.meter(self._plan.policy)
            refused = (
                refused_by_neighbour(self._item)
                or tasks_refused(self._item, self._plan.policy)
                or threads_refused(self._item, self._plan.policy)
            )
        except MeterUnavailableError as error:
            refused = str(error)
        if refused:
            self._unmeasured(refused)
            self.run_unmeasured()
            return
        warm_up(self._session.meter(self._plan.policy), self._item)
        if self._plan.whole:
            self._run_whole()
        if self._plan.regions and not recorded_failure(self._item):
            guard = RegionGuard(
                self._item, self._plan, self._session, self._rerunner, self._runtest, sampled=self.sampled
            )
            guard.run()

    def run_unmeasured(self) -> None:
        """Run the item as if it were not guarded."""
        self.sampled.timed(self._runtest)

    def _note(self, *notes: str) -> None:
        self._notes += tuple(note for note in notes if note not in self._notes)

    def _unmeasured(self, reason: str) -> None:
        self.sampled.results.append(self._session.unmeasured(self._item.nodeid, reason))

    def _run_whole(self) -> None:
        _know_own_source()
        test_id = self._item.nodeid
        judge = partial(self._session.verdict, policy=self._plan.policy)
        found = confirm(self._take, judge, self._plan.policy, self.sampled)
        if not self._session.meter(self._plan.policy).names_peaks:
            found = with_peak_lines(found, self._take_near, judge)
        confirmed = found.get(test_id)
        if confirmed is None:
            return
        self._note(*confirmed.notes)
        samples = confirmed.samples
        self._note(*self._in_each_order.notes)
        try:
            leak = self._check_leaks()
        except CannotRepeatError as error:
            self._judge_without_leaks(samples, str(error))
            return
        if leak is not None:
            leak = self._settled(samples, leak)
        measurement, verdict = self._session.judge(
            test_id, samples, self._plan.policy, leak=leak, notes=self._notes
        )
        self._add_whole(verdict, measurement)

    def _settled(self, samples: list[Sample], leak: LeakFinding) -> LeakFinding:
        """Confirm what the body settled at, and name its lines, where it is more than was accepted."""
        if leak.answer is Answer.SETTLES and not leak.knows_heap:
            return self._settled_by_meter(samples, leak)
        if leak.bounds or not self._settles_higher(samples, leak):
            return leak
        leak = self._confirm_settled(leak)
        if leak.leaking or not self._settles_higher(samples, leak):
            return leak
        leak = self._traced_settled(leak)
        return leak if self._settles_higher(samples, leak) else replace(leak, sites=())

    def _settles_higher(self, samples: list[Sample], leak: LeakFinding) -> bool:
        return has_settled_higher(
            self._session.verdict(self._item.nodeid, samples, self._plan.policy, leak=leak)
        )

    def _add_whole(self, verdict: Verdict, measurement: Measurement) -> None:
        result = self._session.result(self._item.nodeid, verdict, measurement)
        if not result.fails:
            self._raise_held_back()
        meter = self._session.meter(self._plan.policy)
        self.sampled.results.append(self._session.profiles.keep(result, meter))

    def _take(self, counted: bool) -> Execution:
        """Measure one execution in each order; the order that needed the most counts."""
        return self._in_each_order.execute(partial(self._take_in, counted=counted))

    def _raise_held_back(self) -> None:
        """Raise the error that was held back; one of a sample from a further run, which has its traceback."""
        if self._failed_repeated is not None:
            raise self._failed_repeated
        if self._in_each_order.failed is None:
            return
        order, error = self._in_each_order.failed
        try:
            self._take_in(order, counted=False)
        except NotConfirmedError:
            pass
        except TEST_ERRORS as again:
            error = again  # type: ignore[assignment]  # an outcome of pytest is raised as well
        raise noted(error, f"in order {order}; {play_again(order)}") from None

    def _take_in(self, order: int, *, counted: bool, near_bytes: int | None = None) -> Execution:
        """Measure one execution: first the test's own run, then further ones that nobody sees.

        One that fails is made again where a plugin knows something of the first run.
        """
        try:
            return self._executed(order, counted=counted, near_bytes=near_bytes)
        except NotConfirmedError:
            if not self._records.forget():
                raise
            return self._executed(order, counted=counted, near_bytes=near_bytes)

    def _executed(self, order: int, *, counted: bool, near_bytes: int | None) -> Execution:
        is_first, self._is_first = self._is_first, False
        further = further_execution(self._item, self._rerunner, self._plan.policy)
        with nullcontext() if is_first else further:
            try:
                taken = self._sample(order, counted=counted, near_bytes=near_bytes)
                sample, notes = with_meetings(replace(taken.sample, order=order), self._sampled_runs[order])
                self._note(*notes)
            except MeterError as error:
                if not is_first:
                    raise
                self._unmeasured(str(error))
                return {}
            except TEST_ERRORS as error:
                if not is_first or not wants_own_tracker(error):
                    raise
                self._unmeasured(OWN_TRACKER)
                self._rerunner.renew()
                self._runtest()
                return {}
            if is_first:
                if recorded_failure(self._item):
                    return {}
                if refusal := RAN_ELSEWHERE if self._called.is_missing else taken.refusal:
                    self._unmeasured(refusal)
                    return {}
                self._note(*taken.notes)
            return {self._item.nodeid: sample}

    def _take_near(self, lowest: Mapping[str, Sample]) -> Execution:
        """Execute it once more, and look on where the peak of its lowest sample comes near."""
        sample = lowest[self._item.nodeid]
        return self._take_in(sample.order, counted=False, near_bytes=sample.peak_bytes)

    def _sample(self, order: int, *, counted: bool, near_bytes: int | None) -> Taken:
        """Take one sample; if the meter does not start, the test runs without it."""
        policy = self._plan.policy
        sample = SampleInProgress(self._session.meter(policy), policy, counted=counted, near_bytes=near_bytes)
        body = run = self._sampled_runs[order]
        if policy.fixtures:
            self._rerunner.tear_down()
            body = partial(self._with_fixtures, body)
        with prepared(run), log_records_let_go(self._item, self._session.namer) as kept_notes:
            with_room(partial(self._record, sample, body))
        self._note(*kept_notes)
        sample.look_beside()
        return sample.taken()

    def _record(self, sample: SampleInProgress, body: Callable[[], None]) -> None:
        try:
            sample.begin()
        except MeterError:
            if not self.sampled.has_begun:
                self.sampled.timed(body)
            raise
        try:
            self.sampled.timed(body)
        finally:
            sample.end()

    def _with_fixtures(self, body: Callable[[], None]) -> None:
        """Run set-up, call and tear-down as one body, and leave the item torn down."""
        self._rerunner.set_up()
        try:
            body()
        finally:
            self._rerunner.tear_down()

    def _check_leaks(self) -> LeakFinding | None:
        if not self._plan.policy.leaks:
            return None
        orders = self._in_each_order.orders
        if len(orders) > 1:
            try:
                return self._checked_in(orders)
            except CannotRepeatError:
                raise
            except Exception as error:  # noqa: BLE001 - of the body: its memory is judged first
                self._failed_repeated = error
                self._note(only_first_order_checked(error))
        return self._checked_in(orders[:1])

    def _checked_in(self, orders: tuple[int, ...]) -> LeakFinding:
        """Check for leaks with calls in as many orders as the policy repeats where these did not fail."""
        policy = replace(self._plan.policy, orders=len(orders))
        repeated = as_tasks(
            self._item, self._seen, policy, self._session.namer, orders=policy.orders_repeated
        )
        return check_item(self._item, repeated, policy, self._session, rerunner=self._rerunner)

    def _judge_without_leaks(self, samples: list[Sample], reason: str) -> None:
        measurement, verdict = self._session.judge_without_leaks(
            self._item.nodeid, samples, self._plan.policy, reason=reason, notes=self._notes
        )
        self._add_whole(verdict, measurement)

    def _confirm_settled(self, leak: LeakFinding) -> LeakFinding:
        """Check again in an interpreter of its own: here the caches that the check filled are full now."""
        again = self._found_alone()
        if again is None or again.leaking:  # what it settles at is not known there
            return leak
        return replace(leak, settled_bytes=min(leak.settled_bytes, again.settled_bytes))

    def _settled_by_meter(self, samples: list[Sample], leak: LeakFinding) -> LeakFinding:
        """Take what the body settled at from the meter, in an interpreter of its own, and its lines.

        Where the C heap is not counted, resident memory stands for it, which does not show what takes the
        place of what other tests freed. That is the reading that is left where the test cannot run alone. A
        trace that was cut short says the least that it settles at.
        """
        traced = self._found_alone(traced_calls=leak.calls)
        if traced is None:
            return leak
        least = leak.settled_bytes if traced.doubts else 0
        leak = replace(leak, settled_bytes=max(least, traced.settled_bytes))
        return replace(leak, sites=traced.sites) if self._settles_higher(samples, leak) else leak

    def _found_alone(self, *, traced_calls: int = 0) -> LeakFinding | None:
        """Check in an interpreter of its own; a note says why nothing was found out there."""
        only_once = "what it settled at was measured only once"
        try:
            with quietly(self._item):
                again = self._run_alone(traced_calls)
        except FreshError as error:
            self._note(f"{only_once}: {error}")
            return None
        if again.leak is None:
            self._note(f"{only_once}; alone, the test ended with: {again.ending}")
            return None
        if again.leak.answer is Answer.CANNOT_TELL:
            self._note(f"{only_once}; alone, {doubts_text(again.leak)}")
            return again.leak if traced_calls else None
        return again.leak

    def _traced_settled(self, leak: LeakFinding) -> LeakFinding:
        """Trace what it settled at, and name its lines, in an interpreter whose caches are empty.

        The C heap counts what other threads have freed and keep for themselves, up to 236 KiB each. What is
        not alive for the meter, over as many calls, is not kept by the body.
        """
        try:
            traced = self._run_alone(leak.calls).leak
        except FreshError:
            traced = None
        if traced is None:
            return leak
        is_whole = self._session.meter(self._plan.policy).sees_heap and not traced.doubts
        settled_bytes = min(leak.settled_bytes, traced.settled_bytes) if is_whole else leak.settled_bytes
        return replace(leak, settled_bytes=settled_bytes, sites=traced.sites)

    def _run_alone(self, traced_calls: int) -> FreshResult:
        return run_fresh(
            self._item, self._plan.policy, self._session, FreshSampling(traced_calls=traced_calls)
        )
