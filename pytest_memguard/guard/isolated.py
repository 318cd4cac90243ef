"""Runs an `isolate` test in a fork of this process: imports stay loaded, and a crash ends only the test."""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from pytest_memguard.core.unpatched import AsTestSeesIt, Unpatched
from pytest_memguard.guard.crashes import last_words, signal_name
from pytest_memguard.guard.gc_freezing import old_objects_aside
from pytest_memguard.guard.silenced import flush_streams

CANNOT_FORK = "isolate=True needs a system that can fork, so that it ran in the process of pytest"
HAS_FORK = hasattr(os, "fork")

_REPORTS = pytest.StashKey[dict[str, pytest.TestReport]]()
"""The reports, by phase, that came back from the process of an item's own."""

_OWN = "pytest"
"""What holds the data of a report that no plugin has made."""


@contextmanager
def isolating(item: Any, run_here: Callable[[], None]) -> Iterator[None]:
    """Let a fork run an item in place of this process, in which it has no fixtures.

    `run_here` makes the fork run the item as any other.
    """
    item.runtest = lambda: _run_isolated(item, run_here)
    try:
        yield
    finally:
        vars(item).pop("runtest", None)


def report_of_fork(item: pytest.Item, report: pytest.TestReport) -> pytest.TestReport | None:
    """Return what takes the place of a report on a phase in which this process did nothing, if there is any.

    A set-up that failed in the fork takes the place of the call, which did not happen.
    """
    if report.when == "setup":
        item.stash[_REPORTS] = {}
    reports = item.stash.get(_REPORTS, {})
    if report.when == "call":
        return reports.get("call", reports.get("setup"))
    return reports.get(str(report.when)) if report.passed else None


def _run_isolated(item: Any, run_here: Callable[[], None]) -> None:
    """Run an item's set-up, call and tear-down in a fork, and keep the reports that come back.

    Fails the test where the child ends without them, with the name of the signal.
    """
    with Unpatched(), tempfile.TemporaryDirectory(prefix="memguard-") as folder:
        written, said = Path(folder, "reports"), Path(folder, "fatal.txt")
        limit = _TimeLimit(item)
        _end_other_parameters(item)
        flush_streams()  # or the child would write what waits in them a second time
        child = _fork()
        if child == 0:
            limit.set()
            _end_as_child(item, run_here, written, said)
        status = _wait(child)
        try:
            answer = pickle.loads(written.read_bytes())  # noqa: S301 - a fork of this very process wrote it
        except (OSError, EOFError, pickle.UnpicklingError):
            answer = None
        fatal = said.read_text(encoding="utf-8", errors="replace") if said.exists() else ""
    if answer is None or os.WIFSIGNALED(status):
        pytest.fail(f"memguard: {_how_it_ended(status)}\n{last_words(fatal)}".rstrip(), pytrace=False)
    _take(item, answer)


class _TimeLimit:
    """The limit of pytest-timeout, which is the child's: it ends there when memguard repeats the test."""

    def __init__(self, item: Any) -> None:
        self._item = item
        plugins = item.config.pluginmanager
        plugin = plugins.get_plugin("timeout") or plugins.get_plugin("pytest_timeout")
        settings: Any = plugin and plugin._get_item_settings(item)  # noqa: SLF001 - asked of it by nothing else
        self._settings = settings if settings and settings.timeout and not settings.func_only else None
        if self._settings is not None:
            item.config.hook.pytest_timeout_cancel_timer(item=item)

    def set(self) -> None:
        """Start it in this process."""
        if self._settings is not None:
            self._item.config.hook.pytest_timeout_set_timer(item=self._item, settings=self._settings)


def _end_other_parameters(item: Any) -> None:
    """Tear down what pytest would before this item: wide fixtures that have another parameter now.

    The fork would do so in its copy, and this process later once more.
    """
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    for name, parameter in parameters.items():
        for fixture in item._fixtureinfo.name2fixturedefs.get(name, ()):  # noqa: SLF001 - asked of it by nothing else
            if fixture.cached_result is not None and fixture.cached_result[1] is not parameter:
                fixture.finish(item._request)  # noqa: SLF001 - as above


def _how_it_ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"the test's process was ended by {signal_name(os.WTERMSIG(status))}"
    return f"the test's process exited with {os.WEXITSTATUS(status)}"


def _take(item: Any, answer: dict[str, Any]) -> None:
    if answer["exit"] is not None:
        pytest.exit(*answer["exit"])
    reports = [_from_plain(item, data) for data in answer["reports"]]
    item.stash[_REPORTS] = {report.when: report for report in reports}
    for data in answer["beside"]:
        item.ihook.pytest_runtest_logreport(report=_from_plain(item, data))


def _to_plain(item: Any, report: pytest.TestReport) -> dict[str, Any]:
    """Make data of a report; without pytest's plugin `reports` nothing does so for its own kind."""
    hook = item.config.hook.pytest_report_to_serializable
    return hook(config=item.config, report=report) or {_OWN: report._to_json()}  # noqa: SLF001 - what that plugin calls


def _from_plain(item: Any, data: dict[str, Any]) -> pytest.TestReport:
    if _OWN in data:
        return pytest.TestReport._from_json(data[_OWN])  # noqa: SLF001 - as above
    report: pytest.TestReport = item.config.hook.pytest_report_from_serializable(
        config=item.config, data=data
    )
    return report


def _fork() -> int:
    with warnings.catch_warnings():
        # From Python 3.12 on, where there are threads, as in a worker of pytest-xdist: none of them holds
        # what a test needs while this thread is between two tests.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _wait(child: int) -> int:
    """Wait for a child; whatever ends the waiting ends the child too."""
    try:
        return os.waitpid(child, 0)[1]
    except BaseException:
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        raise


def _end_as_child(item: Any, run_here: Callable[[], None], written: Path, said: Path) -> None:
    """Run the item, write the reports, and end the process at once, without its exit handlers."""
    end = os._exit  # bound here: a test may patch it
    code = 1
    with said.open("w", encoding="utf-8") as fatal:
        try:
            faulthandler.enable(fatal)
            with AsTestSeesIt():
                answer = _run(item, run_here)
            written.write_bytes(pickle.dumps(answer))
            flush_streams()
            code = 0
        except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as a second pytest
            traceback.print_exc(file=fatal)
            fatal.flush()
        finally:
            end(code)


def _run(item: Any, run_here: Callable[[], None]) -> dict[str, Any]:
    beside: list[pytest.TestReport] = []
    reports: Sequence[pytest.TestReport] = ()
    ended: tuple[str, int | None] | None = None
    run_here()
    item.stash[_REPORTS] = {}
    for name in ("setup", "teardown", "runtest"):
        vars(item).pop(name, None)  # what kept the test out of the process of pytest
    made = _Made()
    item.config.pluginmanager.register(made)
    item.session._setupstate.teardown_exact(item.parent)  # noqa: SLF001 - it was set up for nothing; plugins that rerun do the same
    if hasattr(item, "_initrequest"):
        item._initrequest()  # noqa: SLF001 - as above
    try:
        with old_objects_aside(), _kept(item, beside):
            reports = runtestprotocol(item, log=False, nextitem=item.parent)
            reports = [*reports, *made.finish(item)]
    except pytest.exit.Exception as error:
        ended = (str(error.msg), error.returncode)
    return {
        "reports": [_to_plain(item, report) for report in reports],
        "beside": [_to_plain(item, report) for report in beside],
        "exit": ended,
    }


@contextmanager
def _kept(item: Any, beside: list[pytest.TestReport]) -> Iterator[None]:
    """Keep the reports that the item makes by itself for the process that writes to the terminal."""
    lookup = item.session.gethookproxy
    item.session.gethookproxy = lambda path: _KeepingHooks(lookup(path), beside)
    try:
        yield
    finally:
        del item.session.gethookproxy


class _KeepingHooks:
    """A relay of hooks which keeps the reports that are to be logged."""

    def __init__(self, relay: Any, kept: list[pytest.TestReport]) -> None:
        self._relay = relay
        self._kept = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a report."""
        self._kept.append(report)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._relay, name)


class _Made:
    """Remembers the fixtures that are made, of whatever scope."""

    def __init__(self) -> None:
        self._made: list[Callable[[], None]] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> None:
        """Remember a fixture that is about to be set up."""
        self._made.append(partial(fixturedef.finish, request))

    def finish(self, item: Any) -> Iterator[pytest.TestReport]:
        """Tear down those that outlived the item, as nobody else will, and yield what fails there."""
        for finish in reversed(self._made):
            call = pytest.CallInfo.from_call(finish, "teardown")
            if call.excinfo is not None:
                yield item.ihook.pytest_runtest_makereport(item=item, call=call)
