"""The end of a guarded run: results file, acceptance, exit status and summary."""

from __future__ import annotations

import os

import pytest

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.core.units import counted
from pytest_memguard.guard.found_results import FoundResults
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.reports.bars import bars_for
from pytest_memguard.reports.text import TextReport
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.run.colours import write
from pytest_memguard.run.options import RunOptions
from pytest_memguard.run.problems import RunFacts, problems
from pytest_memguard.run.process_end import stop_capturing
from pytest_memguard.storage.accepting import accept_results
from pytest_memguard.storage.baseline import write_gitignore
from pytest_memguard.storage.captures import keep_accepted
from pytest_memguard.storage.pages import write_page
from pytest_memguard.storage.results import OldResults, write_results


class Ending:
    """Ends a run and tells how it ended."""

    def __init__(
        self, session: GuardSession, found: FoundResults, options: RunOptions, old_results: OldResults
    ) -> None:
        self._session = session
        self._found = found
        self._options = options
        self._old_results = old_results
        self._results: RunResults | None = None
        self._accepted: tuple[str, ...] = ()
        self.differences: set[str] = set()
        self._warning = ""
        self._is_told = False
        self.error = ""
        self._error_code = pytest.ExitCode.OK

    def fail(self, session: pytest.Session, error: str, code: pytest.ExitCode) -> None:
        """End the run with an error that is no test's, whatever its tests came to."""
        self.error = error
        self._error_code = session.exitstatus = code

    def finish(self, session: pytest.Session, facts: RunFacts) -> None:
        """Write the results, accept them where asked to, and fail the run where a problem does."""
        self.differences.update(self._session.differences())
        self._results = results = self._found.judged(
            problems(self._session, self._found, self._options, facts)
        )
        try:
            self._keep(results)
            self._old_results.drop()
            if self._options.accept:
                changes = accept_results(self._session.baseline.store, results, review=self._session.review)
                self._accepted = tuple(printable(change.description) for change in changes)
                keep_accepted(self._options.root, results.tests, (change.test_id for change in changes))
        except MemguardError as error:
            self.fail(session, f"memguard: {error}", pytest.ExitCode.USAGE_ERROR)
        if self.code and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = self.code

    @property
    def code(self) -> int:
        """The exit code, as far as memory decides it."""
        if self.error:
            return int(self._error_code)
        is_failed = self._results is not None and self._results.failed
        return int(pytest.ExitCode.TESTS_FAILED if is_failed else pytest.ExitCode.OK)

    def _keep(self, results: RunResults) -> None:
        """Write the results; where the command line names a file, it is that file that must be written."""
        own, *named = self._options.results_paths
        try:
            write_gitignore(self._options.root / ".memguard")
            write_results(own, results)
        except (MemguardError, OSError) as error:
            if not named:
                older = " The file that is there is older." if own.is_file() else ""
                self._warning = f"the results of this run were not kept: {error}{older}"
        for path in named:
            write_results(path, results)
        if self._options.page_path is not None:
            from pytest_memguard.reports.html.page import HtmlReport  # noqa: PLC0415 - loads jinja2, which few runs need

            write_page(self._options.page_path, HtmlReport().page(results))

    def tell(self, terminal: pytest.TerminalReporter) -> None:
        """Write the summary into pytest's terminal report."""
        if self._is_told or (self._results is None and not self.error):
            return
        self._is_told = True
        terminal.write_sep("=", "memguard", red=bool(self.code), green=not self.code)
        if self.error:
            terminal.write_line(f"ERROR: {self.error}", red=True)
        if self._warning:
            terminal.write_line(f"warning: {self._warning}", yellow=True)
        if self._results is not None:
            self._tell_results(terminal, self._results)

    def tell_now(self, config: pytest.Config) -> None:
        """Write the summary at once, since pytest will not: the process is about to end."""
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        stop_capturing(config)
        if terminal is not None:
            if terminal._tw.width_of_current_line:  # noqa: SLF001 - as below
                terminal.line("")
            self.tell(terminal)
            terminal.flush()

    def _tell_results(self, terminal: pytest.TerminalReporter, results: RunResults) -> None:
        if self.error or results.failed:
            for difference in sorted(self.differences):
                terminal.write_line(f"note: {difference}; this alone may have changed the figures")
        accepting = self._options.accept
        verbose = terminal.config.get_verbosity() > 0
        width = terminal._tw.fullwidth  # noqa: SLF001 - pytest's reporter has no public name for it
        report = TextReport(
            verbose=verbose, accepting=accepting, shown=_shown(terminal), bars=bars_for(_encoding(terminal))
        )
        write(terminal._tw, report.styled(results, width=width))  # noqa: SLF001 - as above
        if self._options.page_path is not None and not self.error:
            page = os.path.relpath(self._options.page_path, terminal.config.invocation_params.dir)
            terminal.write_line(f"The report is {printable(page)}")
        for line in self._accepted:
            terminal.write_line(f"accepted  {line}")
        if accepting:
            entries = counted(len(self._accepted), "entry", "entries")
            terminal.write_line(f"accepted {entries} into {self._session.settings.baseline_dir}")


_SHORT_STYLES = ("no", "line")
"""Styles in which pytest shows no text of a failure."""


def _shown(terminal: pytest.TerminalReporter) -> frozenset[str]:
    """Return the tests of which pytest's failures say all that there is to say."""
    if terminal.config.getoption("tbstyle") in _SHORT_STYLES:
        return frozenset()
    return frozenset(
        str(result["id"])
        for report in terminal.stats.get("failed", ())
        for result in getattr(report, "memguard", ())
        if result.get("fails")
    )


def _encoding(terminal: pytest.TerminalReporter) -> str | None:
    return getattr(terminal._tw._file, "encoding", None)  # noqa: SLF001 - pytest has no public name for it
