"""Where captures of tests are kept: those of the last run, and those that were accepted or compared with."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from pytest_memguard.core.run_results import TestResult
from pytest_memguard.core.units import MIB

LIMIT_BYTES = 64 * MIB
"""How much the captures of one kind may take; a capture has a few KiB."""

_FOLDER = ".memguard/profiles"
_BEFORE = "before"
_LONGEST_NAME = 80


def captures_folder(root: Path) -> Path:
    """Return where the captures of the last run are."""
    return root / _FOLDER


def capture_of(root: Path, test_id: str) -> Path:
    """Return where the capture of a test is, if one was kept."""
    return captures_folder(root) / f"{capture_name(test_id)}.bin"


def capture_before(root: Path, test_id: str) -> Path:
    """Return where the earlier capture of a test is, if there is one."""
    return captures_folder(root) / _BEFORE / f"{capture_name(test_id)}.bin"


def clear_captures(root: Path) -> None:
    """Remove those of the last run, and leave the earlier ones."""
    with contextlib.suppress(OSError):
        for path in captures_folder(root).glob("*.bin"):
            path.unlink()


def keep_as_before(folder: Path, into: Path, names: Iterable[str]) -> None:
    """Copy captures from the project in `folder` to be the earlier ones of that in `into`, up to the limit.

    What cannot be copied is left out: a picture is missing then, and no figure.
    """
    room = LIMIT_BYTES
    for name in names:
        source = captures_folder(folder) / f"{name}.bin"
        target = captures_folder(into) / _BEFORE / f"{name}.bin"
        with contextlib.suppress(OSError):
            target.unlink(missing_ok=True)
            room -= source.stat().st_size
            if room >= 0:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)


def keep_accepted(root: Path, tests: Iterable[TestResult], accepted: Iterable[str]) -> None:
    """Keep the captures of tests that were accepted, to compare later ones with."""
    ids = set(accepted)
    keep_as_before(root, root, (capture_name(test.id) for test in tests if test.profile and test.id in ids))


def keep_all_as_before(folder: Path, into: Path) -> None:
    """Make all captures of the last run in `folder` the earlier ones of the project in `into`."""
    shutil.rmtree(captures_folder(into) / _BEFORE, ignore_errors=True)
    keep_as_before(folder, into, sorted(path.stem for path in captures_folder(folder).glob("*.bin")))


def capture_name(test_id: str) -> str:
    """Name a capture after a test: readable, short, and never the same for two tests."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", test_id.rpartition("/")[2]).strip("-.")[:_LONGEST_NAME]
    digest = hashlib.sha256(test_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{readable}-{digest}"
