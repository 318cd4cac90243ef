"""The interpreter of a fresh test: measures from before its module is imported until the call ends."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_memguard.core.leak_finding import Doubt, LeakFinding
from pytest_memguard.core.plain_values import from_plain, to_plain
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.unpatched import (
    Unpatched,
    as_test_sees_it,
    is_raised_by_test,
    remember_real_names,
)
from pytest_memguard.guard.fresh_messages import FreshRequest, FreshResult
from pytest_memguard.guard.gc_freezing import asking_shows_all
from pytest_memguard.guard.in_each_order import only_first_order_checked
from pytest_memguard.guard.leak_check import CannotRepeatError, check_item, trace_item
from pytest_memguard.guard.log_records import log_records_let_go
from pytest_memguard.guard.own_errors import own_error
from pytest_memguard.guard.pytest_memray import without_its_wrapper
from pytest_memguard.guard.rerun import Rerunner, keeping_names, recorded_failure
from pytest_memguard.guard.sample_in_progress import SampleInProgress, Taken
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.guard.tasks import as_tasks
from pytest_memguard.guard.threads import from_threads, with_meetings
from pytest_memguard.meters import MeterError

_UNEXPECTED = "[XPASS(strict)]"


def main(request: Mapping[str, Any]) -> int:
    """Run the one test of a `FreshRequest`, as JSON holds it, and write its `FreshResult`."""
    if request["bytecode_folder"]:
        sys.pycache_prefix, sys.dont_write_bytecode = request["bytecode_folder"], False
    plugin = FreshRun(from_plain(FreshRequest, request))
    code = pytest.main(list(request["arguments"]), plugins=[plugin])
    plugin.write(int(code))
    return 0


class FreshRun:
    """Measures the collection, set-up and call of one test as one sample."""

    def __init__(self, request: FreshRequest) -> None:
        self._request = request
        self._policy = request.policy
        self._sampling = request.sampling
        self._session = GuardSession(request.settings, Path(request.root), accepting=False)
        self._under_way: SampleInProgress | None = None
        self._taken: Taken | None = None
        self._unmeasured = ""
        self._runtest: Callable[[], None] = lambda: None
        self._leak: LeakFinding | None = None
        self._reports: list[pytest.TestReport | pytest.CollectReport] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Give the project's own options the values that they have in the run this belongs to."""
        for name, value in self._request.options.items():
            setattr(config.option, name, value)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Start the sample before the test's module is imported."""
        if not self._sampling.only_body:
            self._start()
        return (yield)

    def _start(self) -> None:
        meter, sampling = self._session.meter(self._policy), self._sampling
        sample = SampleInProgress(
            meter, self._policy, counted=sampling.counted, near_bytes=sampling.near_bytes
        )
        gc.collect()
        gc.freeze()
        try:
            sample.begin()
        except MeterError as error:
            self._unmeasured = str(error)
        else:
            self._under_way = sample

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: Any) -> Generator[None, None, None]:
        """End the sample when the call has ended, then check for leaks."""
        self._runtest = as_test_sees_it(asking_shows_all(keeping_names(item, item.runtest)))
        runtest = self._as_tasks(item, self._policy)
        item.runtest = lambda: self._run(item, runtest)
        try:
            return (yield)
        finally:
            del item.runtest

    def _as_tasks(self, item: pytest.Item, policy: Policy) -> Callable[[], None]:
        return as_tasks(item, self._runtest, policy, self._session.namer, orders=policy.orders_repeated)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Keep the tracker of pytest-memray out."""
        without_its_wrapper(pyfuncitem)
        return (yield)

    def pytest_collection_finish(self) -> None:
        """Remember the standard library before a fixture patches it."""
        remember_real_names()

    def _run(self, item: pytest.Item, runtest: Callable[[], None]) -> None:
        with Unpatched():
            rerunner = Rerunner(item)
            order = self._policy.orders_tried[0]
            call = from_threads(item, runtest, self._policy, self._session.namer, order=order)
            try:
                with log_records_let_go(item, self._session.namer):
                    if self._sampling.only_body:
                        self._start()
                    call()
            finally:
                self._stop(call)
            if recorded_failure(item):
                return
            try:
                self._check_leaks(item, runtest, rerunner)
            except CannotRepeatError as error:
                self._leak = LeakFinding(False, 0, 0, note=str(error), doubts=(Doubt.NOT_REPEATABLE,))
            except Exception as error:
                if is_raised_by_test(error):
                    raise
                self._taken, self._unmeasured = None, own_error(error)

    def _check_leaks(self, item: pytest.Item, runtest: Callable[[], None], rerunner: Rerunner) -> None:
        if calls := self._sampling.traced_calls:
            self._leak = trace_item(item, runtest, calls, self._policy, self._session)
        elif self._policy.leaks:
            try:
                self._leak = check_item(item, runtest, self._policy, self._session, rerunner=rerunner)
            except CannotRepeatError:
                raise
            except Exception as error:
                if len(self._policy.orders_tried) == 1 or not is_raised_by_test(error):
                    raise
                if not self._leaks_in_one_order(item, rerunner):
                    raise
                if self._taken is not None:
                    notes = (*self._taken.notes, only_first_order_checked(error))
                    self._taken = replace(self._taken, notes=notes)

    def _leaks_in_one_order(self, item: pytest.Item, rerunner: Rerunner) -> bool:
        """Check with calls in order 0 alone, since memory is judged before an error of another order."""
        policy = replace(self._policy, orders=1)
        self._leak = check_item(item, self._as_tasks(item, policy), policy, self._session, rerunner=rerunner)
        return self._leak.leaking

    def _stop(self, call: Callable[[], None] | None = None) -> None:
        if self._under_way is None:
            return
        sample, self._under_way = self._under_way, None
        sample.end()
        gc.unfreeze()
        try:
            taken = sample.taken()
            if call is not None:
                met, notes = with_meetings(taken.sample, call)
                taken = replace(taken, sample=met, notes=(*taken.notes, *notes))
            self._taken, self._unmeasured = taken, taken.refusal
        except MeterError as error:
            self._unmeasured = str(error)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what could not be collected."""
        if report.failed:
            self._reports.append(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how the test ended."""
        self._reports.append(report)

    def write(self, code: int) -> None:
        """Write the report that the run outside reads."""
        self._stop()
        self._session.close()
        outcome, message = self._ending(code)
        sections = {name: text for report in self._reports for name, text in report.sections}
        notes = self._taken.notes if self._taken else ()
        result = FreshResult(outcome, message, self._error(), notes, tuple(sections.items()))
        if outcome == "passed":
            sample = self._taken.sample if self._taken and not self._taken.refusal else None
            result = replace(result, sample=sample, leak=self._leak)
        Path(self._request.report_path).write_text(json.dumps(to_plain(result)), encoding="utf-8")

    def _error(self) -> str:
        """Return the error of the test in one line, as pytest has it; empty if it has none."""
        crashes = (getattr(report.longrepr, "reprcrash", None) for report in self._reports)
        return next((crash.message.partition("\n")[0] for crash in crashes if crash is not None), "")

    def _ending(self, code: int) -> tuple[str, str]:
        for report in self._reports:
            if hasattr(report, "wasxfail") or report.longreprtext.startswith(_UNEXPECTED):
                if report.outcome == "skipped":
                    return "xfailed", str(report.wasxfail).removeprefix("reason: ")
                continue  # it passed: the run outside has the same marker, and decides what that means
            if report.outcome == "skipped":
                reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
                return "skipped", str(reason).removeprefix("Skipped: ")
            if report.outcome == "failed":
                return "failed", report.longreprtext
        if not self._reports:
            return (
                "failed",
                f"the test was not found in an interpreter of its own (pytest exited with {code})",
            )
        return "passed", self._unmeasured
