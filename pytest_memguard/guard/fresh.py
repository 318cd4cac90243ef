"""Guards a `fresh` test: every sample is an interpreter of its own, and the first one ends as the test does.

Imports need more than most bodies, and what the call needs would not show beside them. So the call is
measured by itself too, cold, in further interpreters; it is a region of the test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from pytest_memguard.core.node_ids import REGION
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sample import Sample
from pytest_memguard.gate.confirm import counts_at_first
from pytest_memguard.guard.confirming import Confirmed, Execution, NotConfirmedError, confirm, with_peak_lines
from pytest_memguard.guard.fresh_messages import FreshResult, FreshSampling
from pytest_memguard.guard.fresh_process import FreshError, run_fresh
from pytest_memguard.guard.in_each_order import FailedElsewhereError, InEachOrder, play_again
from pytest_memguard.guard.plan import BODY, Plan
from pytest_memguard.guard.sampled import Sampled
from pytest_memguard.guard.session import GuardSession


@contextmanager
def without_own_fixtures(item: Any) -> Iterator[None]:
    """Leave a fresh test's fixtures to its own interpreter: here they would be made for nothing."""
    item.setup = item.teardown = lambda: None
    try:
        yield
    finally:
        del item.setup, item.teardown


_REGIONS_ELSEWHERE = (
    "fresh=True cannot be combined with measure() and check_leaks() of the fixture `memguard`; leave one of "
    "them out, or use isolate=True"
)


class FreshGuard:
    """Measures one item by running it elsewhere."""

    def __init__(self, item: pytest.Item, plan: Plan, session: GuardSession) -> None:
        self._item = item
        self._plan = plan
        self._session = session
        self._first: FreshResult | None = None
        self._body_id = f"{item.nodeid}{REGION}{BODY}"
        # Limits are for the whole test, and its leak check is one.
        self._body_policy = replace(plan.policy, leaks=False, limits={})
        self._in_each_order = InEachOrder(plan.policy.orders_tried)
        self.sampled = Sampled()

    def run(self) -> None:
        """Run the item in an interpreter of its own and end as it ended there."""
        test_id, policy = self._item.nodeid, self._plan.policy
        found = self._confirm(test_id, self._take, policy)
        if test_id not in found or self._first is None:
            return
        if self._plan.regions:
            self._leave_regions_out()
            return
        confirmed = self._with_peak_lines(found, replace(policy, leaks=False), FreshSampling())[test_id]
        notes = (*self._first.notes, *confirmed.notes, *self._in_each_order.notes)
        measurement, verdict = self._session.judge(
            test_id, confirmed.samples, policy, leak=self._first.leak, notes=notes
        )
        self.sampled.results.append(self._session.result(test_id, verdict, measurement))
        if verdict.outcome is Outcome.NOT_MEASURED:
            self._leave_body_out(verdict.reason)
        else:
            self._run_body()
        self._raise_held_back()

    def _confirm(
        self, test_id: str, take: Callable[[bool], Execution], policy: Policy
    ) -> dict[str, Confirmed]:
        judge = partial(self._session.verdict, policy=policy)
        is_counted = counts_at_first(self._session.baseline.entry(test_id))
        return confirm(take, judge, policy, self.sampled, is_counted=is_counted)

    def _raise_held_back(self) -> None:
        """Fail with the error of a further order, where no memory fails the test."""
        failed = self._in_each_order.failed
        if failed is None or any(result.fails for result in self.sampled.results):
            return
        order, error = failed
        self.sampled.results.clear()  # of a failed test, nothing is judged
        pytest.fail(f"{error}\nin order {order}; {play_again(order)}", pytrace=False)

    def _leave_regions_out(self) -> None:
        """Say that the test is not judged, nor its regions: their samples stay in the other process."""
        test_id = self._item.nodeid
        accepted = [f"{test_id}{REGION}{name}" for name in self._session.baseline.regions_of(test_id)]
        for name in (test_id, *accepted):
            result = self._session.unmeasured(name, _REGIONS_ELSEWHERE)
            self.sampled.results.append(self._session.demanded(result, asks=True))

    def _leave_body_out(self, reason: str) -> None:
        """Let an accepted call have a result where its test was not measured, and accept nothing new."""
        if self._session.baseline.entry(self._body_id) is not None:
            self.sampled.results.append(self._session.unmeasured(self._body_id, reason))

    def _run_body(self) -> None:
        """Measure the call alone, as a region of the test."""
        policy, body_id = self._body_policy, self._body_id
        try:
            confirmed = self._confirm(body_id, self._take_body, policy)
            confirmed = self._with_peak_lines(confirmed, policy, FreshSampling(only_body=True))
        except NotConfirmedError as error:
            self.sampled.results.append(self._session.unmeasured(body_id, str(error)))
            return
        found = confirmed[body_id]
        measurement, verdict = self._session.judge(body_id, found.samples, policy, notes=found.notes)
        self.sampled.results.append(self._session.result(body_id, verdict, measurement))

    def _take_body(self, counted: bool) -> Execution:
        sampling = FreshSampling(counted, only_body=True)
        return self._in_each_order.execute(
            lambda order: {self._body_id: self._further(self._body_policy, sampling, order=order)}
        )

    def _with_peak_lines(
        self, confirmed: dict[str, Confirmed], policy: Policy, sampling: FreshSampling
    ) -> dict[str, Confirmed]:
        """Name the lines behind a peak by one more interpreter, for a meter whose samples do not."""
        if self._session.meter(policy).names_peaks:
            return confirmed

        def take(lowest: Mapping[str, Sample]) -> Execution:
            ((name, sample),) = lowest.items()
            near = replace(sampling, near_bytes=sample.peak_bytes)
            return {name: self._further(policy, near, order=sample.order)}

        return with_peak_lines(confirmed, take, partial(self._session.verdict, policy=policy))

    def _further(self, policy: Policy, sampling: FreshSampling, *, order: int) -> Sample:
        """Take a sample in an interpreter that nobody sees; raises `NotConfirmedError` without one.

        Raises `FailedElsewhereError` if the test fails there in another order than its first run had.
        """
        policy = replace(policy, order=order)
        try:
            done = self.sampled.timed(lambda: run_fresh(self._item, policy, self._session, sampling))
        except FreshError as error:
            raise NotConfirmedError(str(error)) from None
        if done.outcome == "failed" and order != self._in_each_order.orders[0]:
            raise FailedElsewhereError(done.message, done.error or done.message)
        if done.sample is None:
            raise NotConfirmedError(done.ending)
        return replace(done.sample, order=order)

    def run_unmeasured(self) -> None:
        """Fail: a test without its fixtures cannot be run here."""
        pytest.fail(f"memguard: {self.sampled.results[-1].verdict.reason}", pytrace=False)

    def _take(self, counted: bool) -> Execution:
        """Measure one interpreter for each order."""
        return self._in_each_order.execute(partial(self._take_in, FreshSampling(counted)))

    def _take_in(self, sampling: FreshSampling, order: int) -> Execution:
        """Measure one interpreter; the first one's end is the test's, and knows what leaks."""
        policy = self._plan.policy
        if self._first is not None:
            return {self._item.nodeid: self._further(replace(policy, leaks=False), sampling, order=order)}
        try:
            done = self.sampled.timed(lambda: run_fresh(self._item, policy, self._session, sampling))
        except FreshError as error:
            pytest.fail(f"memguard: {error}", pytrace=False)
        self._first = done
        self._end_as(done)
        if done.sample is not None:
            return {self._item.nodeid: replace(done.sample, order=order)}
        reason = done.message or "the interpreter that was started for it took no sample"
        self.sampled.results.append(self._session.unmeasured(self._item.nodeid, reason))
        self._leave_body_out(reason)
        return {}

    def _end_as(self, done: FreshResult) -> None:
        for name, text in done.sections:
            self._item.add_report_section("call", name.removeprefix("Captured "), text)
        if done.outcome == "skipped":
            pytest.skip(done.message)
        if done.outcome == "xfailed":
            pytest.xfail(done.message)
        if done.outcome == "failed":
            pytest.fail(done.message, pytrace=False)
