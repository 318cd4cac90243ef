"""Guards a `fresh` test: every sample is an interpreter of its own, and its end is the test's end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from pytest_memguard.core.measurement import Sample
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.guard.confirming import Execution, NotConfirmedError, confirm
from pytest_memguard.guard.fresh_process import FreshError, FreshResult, run_fresh
from pytest_memguard.guard.plan import Plan
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


class FreshGuard:
    """Measures one item by running it elsewhere."""

    def __init__(self, item: pytest.Item, plan: Plan, session: GuardSession) -> None:
        self._item = item
        self._plan = plan
        self._session = session
        self._first: FreshResult | None = None
        self.sampled = Sampled()

    def run(self) -> None:
        """Run the item in an interpreter of its own and end as it ended there."""
        test_id, policy = self._item.nodeid, self._plan.policy
        confirmed = confirm(self._take, self._verdict, policy, self.sampled).get(test_id)
        if confirmed is None or self._first is None:
            return
        notes = (*self._first.notes, *confirmed.notes)
        measurement, verdict = self._session.judge(
            test_id, confirmed.samples, policy, leak=self._first.leak, notes=notes
        )
        self.sampled.results.append(self._session.result(test_id, verdict, measurement))

    def run_unmeasured(self) -> None:
        """Fail: a test without its fixtures cannot be run here."""
        pytest.fail(f"memguard: {self.sampled.results[-1].verdict.reason}", pytrace=False)

    def _take(self, counted: bool) -> Execution:
        """Measure one interpreter; the first one's end is the test's, and knows what leaks."""
        policy, first = self._plan.policy, self._first
        if first is not None:
            policy = replace(policy, leaks=False)
        try:
            done = self.sampled.timed(lambda: run_fresh(self._item, policy, self._session, counted=counted))
        except FreshError as error:
            if first is not None:
                raise NotConfirmedError(str(error)) from None
            pytest.fail(f"memguard: {error}", pytrace=False)
        if first is None:
            self._first = done
            self._end_as(done)
        if done.sample is not None:
            return {self._item.nodeid: done.sample}
        if first is not None:
            raise NotConfirmedError(done.message.splitlines()[0] if done.message else done.outcome)
        reason = done.message or "its own interpreter took no sample"
        self.sampled.results.append(self._session.unmeasured(self._item.nodeid, reason))
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

    def _verdict(self, test_id: str, samples: Sequence[Sample]) -> Verdict:
        return self._session.judge(test_id, samples, self._plan.policy)[1]
