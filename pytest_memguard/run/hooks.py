"""The pytest hooks of a guarded run, each of which calls the run."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.history import ReadPasts
from pytest_memguard.core.unpatched import Unpatched
from pytest_memguard.guard.rerun import raise_teardown_error
from pytest_memguard.run.exit_code import RUN
from pytest_memguard.run.guarded_run import GuardedRun


def install(config: pytest.Config, read_pasts: ReadPasts) -> None:
    """Prepare a guarded run; what cannot be used is a usage error."""
    try:
        run = GuardedRun(config, read_pasts)
    except MemguardError as error:
        raise pytest.UsageError(f"memguard: {error}") from error
    config.stash[RUN] = run
    config.pluginmanager.register(run.progress, "memguard-progress")
    if config.pluginmanager.register(GuardHooks(run), "memguard-run") is None:
        raise pytest.UsageError(
            "memguard: -p no:memguard-run switches off what --memguard asks for. Leave out one of the two; "
            "addopts may hold it."
        )


class GuardHooks:
    """What pytest calls in a guarded run."""

    def __init__(self, run: GuardedRun) -> None:
        self._run = run

    def pytest_report_header(self) -> list[str]:
        """Say what measures, and against what."""
        return self._run.header()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Put away what an earlier run left, once nothing else refuses this one."""
        self._run.start(session)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Remember every test there is."""
        self._run.collection.saw(item)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember what could not be collected."""
        self._run.collection.reported(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Plan the guarded tests; what cannot be planned is a usage error before any test runs."""
        self._run.plan(session.items)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Keep older garbage out of the collections of a guarded test."""
        self._run.began(item)
        with self._run.around(item):
            try:
                return (yield)
            finally:
                self._run.planned_tests.running = ""

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Put the guard around the run of a guarded test."""
        with self._run.guarding(item):
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Keep the tracker of pytest-memray out of a test that memguard measures."""
        self._run.keep_trackers_out(pyfuncitem)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """Raise what a tear-down between two samples raised."""
        try:
            return (yield)
        finally:
            raise_teardown_error(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the results into the report of the call."""
        return self._run.put_verdict(item, call, (yield))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the results out of a report, wherever its test ran."""
        self._run.take(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note that a test is over."""
        self._run.planned_tests.finished(nodeid)

    def pytest_keyboard_interrupt(self) -> None:
        """Note that the run stops before its end; `pytest.exit` comes here too, with any exit code."""
        self._run.is_interrupted = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: object) -> None:
        """Tell a worker of pytest-xdist what it cannot know."""
        self._run.options.asked.put_into(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take what a worker of pytest-xdist has to say about its collection."""
        self._run.take_worker(node)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the results, accept them if asked to, and decide how the run ends."""
        with Unpatched():  # a test may have replaced what it never put back
            self._run.finish(session)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what happened, and what it took."""
        self._run.guard_times.put_into(terminalreporter)
        with Unpatched():  # as above
            self._run.ending.tell(terminalreporter)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Leave nothing behind."""
        self._run.session.close()
