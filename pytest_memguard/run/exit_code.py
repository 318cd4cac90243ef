"""Decides with which code a guarded run ends, also where something ends it before pytest does."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_memguard.core.ci import is_ci
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.run.closed_files import telling_of_closed_files
from pytest_memguard.run.process_end import REPLACING, asking_first, stop_capturing

if TYPE_CHECKING:
    from pytest_memguard.run.guarded_run import GuardedRun


RUN: pytest.StashKey[GuardedRun] = pytest.StashKey()

_SHOWING = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")
"""Options under which pytest runs no test."""


def judged_end(config: pytest.Config) -> Generator[None, int | None, int | None]:
    """Wrap the whole run of pytest: a code of 0 becomes that of the guarded run."""
    with no_unjudged_end(config), telling_of_closed_files(config):
        code = yield
        return code or _code(config, 0, "")


@contextmanager
def no_unjudged_end(config: pytest.Config) -> Iterator[None]:
    """Let nothing in the block end the process with 0 that the guarded run would not end with."""
    code_of = partial(_code, config)
    with asking_first(code_of):
        try:
            yield
        except SystemExit as error:
            if error.code:
                raise
            raise SystemExit(code_of(0, "SystemExit")) from error


def _code(config: pytest.Config, asked_for: int, how: str) -> int:
    """Return the code with which to end a process that `how` is about to end with `asked_for`."""
    run = config.stash.get(RUN, None)
    if asked_for:
        if how and run is not None and run.is_going_on:
            stop_capturing(config)
            place = printable(run.planned_tests.place)
            print(
                f"\nmemguard: {how}({asked_for}) in {place} ended the process of pytest. "
                "Its results so far: memguard summary",
                file=sys.__stderr__,
                flush=True,
            )
        return asked_for
    try:
        code = None if run is None else run.code_at_end(how)
    except Exception:  # noqa: BLE001 - whatever it is, the process is about to end as if all were well
        stop_capturing(config)
        traceback.print_exc(file=sys.__stderr__)
        return 1
    if code is None:
        return 0 if how in REPLACING else _without_session(config, how)
    return code


def _without_session(config: pytest.Config, how: str) -> int:
    """Say that pytest has run no test, unless it was to show something; in CI, fail where it was to guard."""
    if any(config.getoption(name, default=False) for name in _SHOWING):
        return 0
    stop_capturing(config)
    is_typed = any(str(arg).startswith("--memguard") for arg in config.invocation_params.args)
    print(
        f"memguard: {how or 'a hook'} ended pytest with 0 before it ran a test, so nothing was measured. "
        "Find the plugin or conftest.py that does it: pytest --memguard --trace-config",
        file=sys.__stderr__,
        flush=True,
    )
    return 1 if is_typed and is_ci() else 0
