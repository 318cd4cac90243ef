"""What a command works on: the project, its settings, and its output."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import click

from pytest_memguard.core.ci import is_ci
from pytest_memguard.core.environment import environment_key
from pytest_memguard.core.paths import RESULTS_PATH
from pytest_memguard.core.run_results import ProblemKind, RunResults
from pytest_memguard.core.settings import Settings
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.results import read_results_by_environment
from pytest_memguard.storage.unjudged import with_unjudged_entries


class Project:
    """The project that the command line is called for; nothing is read before it is asked for."""

    def __init__(self, root: Path | None = None) -> None:
        self._given_root = root
        self._reader_is_gone = False

    @cached_property
    def root(self) -> Path:
        """The folder given by `--root`, else the nearest upwards that looks like a project's."""
        # Here, because it imports tomllib, which `--help` and completion do without.
        from pytest_memguard.storage.settings_file import find_root  # noqa: PLC0415 - as said above

        return self._given_root or find_root(Path.cwd())

    @cached_property
    def settings(self) -> Settings:
        """The settings of the project; raises `SettingsError`."""
        from pytest_memguard.storage.settings_file import load_settings  # noqa: PLC0415 - as above

        return load_settings(self.root)

    def baseline(self, given: str | None) -> Path:
        """Return the baseline folder: `--baseline`, else the settings' one, relative to the root."""
        return self.root / (given or self.settings.baseline_dir)

    def store(self, environment: str | None = None, given: str | None = None) -> BaselineStore:
        """Return the baseline of an environment, else of this one, in a given folder or the settings' one."""
        return BaselineStore(self.baseline(given), environment or environment_key())

    @property
    def is_ci(self) -> bool:
        """Whether the command is called in CI, by the settings or else by the variables of CI services."""
        return is_ci() if self.settings.ci is None else self.settings.ci

    def results(self, given: Sequence[Path]) -> list[Path]:
        """Return the results files given by `--from`, else the last run's."""
        return list(given) or [self.root / RESULTS_PATH]

    def runs(self, given: Sequence[Path]) -> list[RunResults]:
        """Read the results of each environment, and say which of them are not those of a whole run."""
        runs = read_results_by_environment(self.results(given))
        for problem in dict.fromkeys(problem for run in runs for problem in run.problems):
            if problem.kind == ProblemKind.UNFINISHED:
                self.write(f"warning: {printable(problem.sentence)}")
        return runs

    def with_unjudged_entries(self, runs: Sequence[RunResults]) -> list[RunResults]:
        """Say in the results of runs which accepted entries none of them is about; in CI that fails."""
        return [
            with_unjudged_entries(run, self.store(run.environment), fails=self.is_ci and not run.advisory)
            for run in runs
        ]

    def write(self, *lines: str) -> None:
        """Write lines; a reader that stops early, such as `head`, changes no exit code."""
        if self._reader_is_gone:
            return
        try:
            for line in lines:
                click.echo(line)
        except BrokenPipeError:
            self._reader_is_gone = True
            # Otherwise the interpreter's own exit would write into the pipe again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


pass_project = click.make_pass_decorator(Project)
"""Gives a command the project as its first argument."""
