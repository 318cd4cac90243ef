"""A pytest plugin for the measuring step: writes how many tests failed, which the exit code does not say.

pytest ends with 1 where a test failed and where memguard failed the run as a whole; only with
this number can `fail-on` and `allow-empty` decide about the second without hiding the first.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FAILURES_FILE = "MEMGUARD_FAILURES_FILE"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the number; workers of pytest-xdist leave it to their controller."""
    path = os.environ.get(FAILURES_FILE)
    if path and not hasattr(session.config, "workerinput"):
        Path(path).write_text(str(session.testsfailed), encoding="utf-8")
