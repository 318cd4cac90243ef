"""Runs one guarded item for its regions, and again while one of them needs another sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial

import pytest

from pytest_memguard.core.leak_finding import Doubt, LeakFinding
from pytest_memguard.core.node_ids import REGION
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.run_results import TestResult
from pytest_memguard.core.sample import Sample
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.gate.judge import WITHOUT_REGION, not_measured
from pytest_memguard.guard.confirming import (
    Confirmed,
    Execution,
    NotConfirmedError,
    confirm,
    further_execution,
    with_peak_lines,
)
from pytest_memguard.guard.leak_check import CannotRepeatError, run_check
from pytest_memguard.guard.log_records import log_records_let_go
from pytest_memguard.guard.memguard_fixture import BOOK, RegionBook
from pytest_memguard.guard.plan import Plan
from pytest_memguard.guard.pytest_memray import OWN_TRACKER, wants_own_tracker
from pytest_memguard.guard.rerun import TEST_ERRORS, Rerunner, recorded_failure
from pytest_memguard.guard.sampled import Sampled
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.meters.stack_room import with_room


class RegionGuard:
    """Measures the regions of one item, whose own run is `runtest`."""

    def __init__(
        self,
        item: pytest.Item,
        plan: Plan,
        session: GuardSession,
        rerunner: Rerunner,
        runtest: Callable[[], None],
        *,
        sampled: Sampled,
    ) -> None:
        self._item = item
        self._plan = plan
        self._session = session
        self._rerunner = rerunner
        self._runtest = runtest
        self._sampled = sampled
        self._first: RegionBook | None = None
        self._near_bytes: dict[str, int] = {}

    def run(self) -> None:
        """Run the item and keep a result for each region; what the test itself raises goes on up."""
        judge = partial(self._session.verdict, policy=self._plan.policy)
        try:
            confirmed = confirm(self._take, judge, self._plan.policy, self._sampled)
            if not self._session.meter(self._plan.policy).names_peaks:
                confirmed = with_peak_lines(confirmed, self._take_near, judge)
        except NotConfirmedError as error:
            self._leave_out(not_measured(f"its regions are measured in a run of their own, and {error}"))
            return
        if self._first is not None and not recorded_failure(self._item):
            self._judge_all(self._first, confirmed)

    def _take(self, counted: bool) -> Execution:
        """Measure one execution: the test's own run, or one beside it where that was measured as a whole."""
        is_own = self._first is None and not self._plan.whole
        further = further_execution(self._item, self._rerunner, self._plan.policy)
        with nullcontext() if is_own else further:
            try:
                book = self._open_book(counted=counted)
            except TEST_ERRORS as error:
                if not is_own or not wants_own_tracker(error):
                    raise
                self._rerunner.renew()
                book = self._open_book(counted=counted, refusal=OWN_TRACKER)
        self._first = self._first or book
        return {self._id(name): sample for name, sample in book.samples.items()}

    def _take_near(self, lowest: Mapping[str, Sample]) -> Execution:
        """Execute it once more, and look on where the peaks of these samples come near."""
        self._near_bytes = {test_id: sample.peak_bytes for test_id, sample in lowest.items()}
        return self._take(counted=False)

    def _id(self, name: str) -> str:
        return f"{self._item.nodeid}{REGION}{name}"

    def _open_book(self, *, counted: bool, refusal: str = "") -> RegionBook:
        policy = self._plan.policy
        check = None if self._first else self._check_call  # what leaks is known from the first execution
        book = RegionBook(
            self._session.meter(policy),
            policy,
            check,
            counted=counted,
            refusal=refusal,
            near_bytes=lambda name: self._near_bytes.get(self._id(name)),
        )
        self._item.stash[BOOK] = book
        try:
            with log_records_let_go(self._item, self._session.namer):
                self._sampled.timed(partial(with_room, self._runtest))
        finally:
            self._item.stash[BOOK] = None
        book.close()
        return book

    def _check_call(self, body: Callable[[], object], policy: Policy, name: str) -> LeakFinding:
        try:
            return run_check(lambda: _drop(body()), policy, self._session, test_id=self._id(name))
        except CannotRepeatError as error:
            cause = error.__cause__
            calls = getattr(cause, "call", 0)
            if calls == 1:  # it never worked: that is the test's own failure
                raise getattr(cause, "original", error) from None
            return LeakFinding(False, 0, calls, note=str(error), doubts=(Doubt.NOT_REPEATABLE,))

    def _judge_all(self, book: RegionBook, confirmed: Mapping[str, Confirmed]) -> None:
        for name in {**book.samples, **book.findings, **book.unmeasured}:
            self._sampled.results.append(self._judge(book, name, confirmed.get(self._id(name), Confirmed())))
        self._leave_out(WITHOUT_REGION)

    def _leave_out(self, verdict: Verdict) -> None:
        """Say of every accepted region that has no result why it has none."""
        judged = {result.id for result in self._sampled.results}
        for name in self._session.baseline.regions_of(self._item.nodeid):
            if self._id(name) not in judged:
                self._sampled.results.append(self._session.result(self._id(name), verdict))

    def _judge(self, book: RegionBook, name: str, confirmed: Confirmed) -> TestResult:
        test_id = self._id(name)
        if name in book.unmeasured:
            return self._session.unmeasured(test_id, book.unmeasured[name])
        policy = book.policies.get(name, self._plan.policy)
        notes = (*book.notes.get(name, ()), *confirmed.notes)
        measurement, verdict = self._session.judge(
            test_id, confirmed.samples, policy, leak=book.findings.get(name), notes=notes
        )
        result = self._session.result(test_id, verdict, measurement)
        return self._session.demanded(result, asks=name in book.findings)


def _drop(_value: object) -> None:
    """Let go of what a body returned."""
