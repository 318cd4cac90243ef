"""Runs one guarded item for its regions, again where one of them needs it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_memguard.core.measurement import LeakFinding
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.verdict import TestResult
from pytest_memguard.gate.confirm import NEW_SAMPLES_AT_MOST, wants_another
from pytest_memguard.guard.fixture import BOOK, RegionBook
from pytest_memguard.guard.leak_check import run_check
from pytest_memguard.guard.plan import Plan
from pytest_memguard.guard.rerun import CannotRunAgainError, Rerunner, recorded_failure
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.guard.silenced import let_go, quietly


class RegionGuard:
    """Measures the regions of one item, whose own run is `runtest`."""

    def __init__(
        self,
        item: pytest.Item,
        plan: Plan,
        session: GuardSession,
        rerunner: Rerunner,
        runtest: Callable[[], None],
    ) -> None:
        self._item = item
        self._plan = plan
        self._session = session
        self._rerunner = rerunner
        self._runtest = runtest
        self._notes: tuple[str, ...] = ()
        self._results: list[TestResult] = []

    def run(self) -> list[TestResult]:
        """Run the item and return a result for each region; what the test itself raises goes on up."""
        books: list[RegionBook] = []
        try:
            if self._plan.whole:
                self._again(books)
            else:
                self._open_book(books)
            while self._want_another(books):
                self._again(books)
        except CannotRunAgainError as error:
            self._notes += (f"judged on {len(books)} of the samples it needs, since {error}",)
            if not books:
                self._leave_out(f"its regions are measured in a run of their own, and {error}")
        if books and not recorded_failure(self._item):
            self._judge_all(books)
        return self._results

    def _again(self, books: list[RegionBook]) -> None:
        with quietly(self._item):
            try:
                self._rerunner.fresh(lambda: self._open_book(books))
            except CannotRunAgainError as error:
                let_go(error)
                raise

    def _open_book(self, books: list[RegionBook]) -> None:
        policy = self._plan.policy
        counted = policy.gates_allocations or bool(books)
        book = RegionBook(self._session.meter(policy), policy, self._check_call, counted=counted)
        self._item.stash[BOOK] = book
        try:
            self._runtest()
        finally:
            self._item.stash[BOOK] = None
        books.append(book)

    def _check_call(self, body: Callable[[], object], policy: Policy, name: str) -> LeakFinding:
        test_id = f"{self._item.nodeid}::{name}"
        return run_check(lambda: _drop(body()), policy, self._session, test_id=test_id)

    def _want_another(self, books: list[RegionBook]) -> bool:
        """Say whether a region needs one more run; one that ran the first time only gets no more samples."""
        return len(books) < NEW_SAMPLES_AT_MOST and any(
            self._wants_another(books, name) for name in books[0].samples
        )

    def _wants_another(self, books: list[RegionBook], name: str) -> bool:
        samples = [book.samples[name] for book in books if name in book.samples]
        _, verdict = self._session.judge(f"{self._item.nodeid}::{name}", samples, self._plan.policy)
        return wants_another(samples, verdict, self._plan.policy)

    def _judge_all(self, books: list[RegionBook]) -> None:
        first = books[0]
        for name in {**first.samples, **first.findings, **first.unmeasured}:
            self._results.append(self._judge(books, name))
        self._leave_out("the region did not run this time; if it is gone for good: memguard prune")

    def _leave_out(self, reason: str) -> None:
        """Say of every accepted region that has no result why it has none."""
        judged = {result.id for result in self._results}
        for name in self._session.regions_accepted(self._item.nodeid):
            test_id = f"{self._item.nodeid}::{name}"
            if test_id not in judged:
                self._results.append(self._session.unmeasured(test_id, reason))

    def _judge(self, books: list[RegionBook], name: str) -> TestResult:
        test_id = f"{self._item.nodeid}::{name}"
        if name in books[0].unmeasured:
            return self._session.unmeasured(test_id, books[0].unmeasured[name])
        policy = books[0].policies.get(name, self._plan.policy)
        samples = [book.samples[name] for book in books if name in book.samples]
        measurement, verdict = self._session.judge(
            test_id, samples, policy, leak=books[0].findings.get(name), notes=self._notes
        )
        return self._session.result(test_id, verdict, measurement)


def _drop(_value: object) -> None:
    """Let go of what a body returned."""
