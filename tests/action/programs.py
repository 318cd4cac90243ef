"""Programs that the tests run: found beside the interpreter or on PATH, and required in CI."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

SEARCHED = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
"""The running interpreter's folder first, so that `python` in a step is the one with memguard."""


def found(name: str) -> str:
    """Return a program's path; without it the test is skipped, and fails in CI."""
    path = shutil.which(name, path=SEARCHED)
    if path is not None:
        return path
    missing = f"{name} is not installed: use the dependency group `action`, and apt for shellcheck"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
