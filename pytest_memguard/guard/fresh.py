"""Guards a `fresh` test: every sample is an interpreter of its own, and its end is the test's end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_memguard.core.measurement import Sample
from pytest_memguard.gate.confirm import counts_allocations, wants_another
from pytest_memguard.guard.fresh_process import Isolated, IsolationError, run_isolated
from pytest_memguard.guard.plan import Plan
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.guard.whole import Sampled


@contextmanager
def without_own_fixtures(item: Any) -> Iterator[None]:
    """Leave a fresh test's fixtures to its own interpreter: here they would be made for nothing."""
    item.setup = item.teardown = lambda: None
    try:
        yield
    finally:
        del item.setup, item.teardown


class ColdGuard:
    """Measures one item by running it elsewhere."""

    def __init__(self, item: pytest.Item, plan: Plan, session: GuardSession) -> None:
        self._item = item
        self._plan = plan
        self._session = session
        self.sampled = Sampled()

    def run(self) -> None:
        """Run the item in an interpreter of its own and end as it ended there."""
        start = time.perf_counter()
        try:
            first = run_isolated(
                self._item,
                self._plan.policy,
                self._session,
                counted=self._plan.policy.gates_allocations,
            )
        except IsolationError as error:
            pytest.fail(f"memguard: {error}", pytrace=False)
        self.sampled.seconds = time.perf_counter() - start
        for name, text in first.sections:
            self._item.add_report_section("call", name.removeprefix("Captured "), text)
        if first.outcome == "skipped":
            pytest.skip(first.message)
        if first.outcome == "xfailed":
            pytest.xfail(first.message)
        if first.outcome == "failed":
            pytest.fail(first.message, pytrace=False)
        self._judge(first)

    def _judge(self, first: Isolated) -> None:
        test_id = self._item.nodeid
        if first.sample is None:
            reason = first.message or "its own interpreter took no sample"
            self.sampled.results.append(self._session.unmeasured(test_id, reason))
            return
        samples, notes = self._confirmed(first.sample)
        measurement, verdict = self._session.judge(
            test_id, samples, self._plan.policy, leak=first.leak, notes=notes
        )
        self.sampled.results.append(self._session.result(test_id, verdict, measurement))

    def _confirmed(self, first: Sample) -> tuple[list[Sample], tuple[str, ...]]:
        """Take more cold samples until the verdict on their floor can stand."""
        policy = self._plan.policy
        samples = [first]
        while True:
            _, verdict = self._session.judge(self._item.nodeid, samples, policy)
            if not wants_another(samples, verdict, policy):
                return samples, ()
            counted = counts_allocations(samples, verdict, policy, seconds=self.sampled.seconds)
            again = run_isolated(self._item, policy, self._session, counted=counted)
            if again.sample is None:
                reason = again.message.splitlines()[0] if again.message else again.outcome
                return samples, (f"judged on {len(samples)} of the samples it needs, since {reason}",)
            samples.append(again.sample)
