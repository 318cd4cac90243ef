"""Finds settings near the tests that a run does not read, because pytest's root is elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pytest_memguard.core.settings import Settings
from pytest_memguard.storage.settings_file import MEMGUARD_YML, settings_in


def unread_settings(
    root: Path, settings: Settings, test_files: Iterable[Path], started_in: Path
) -> tuple[str, ...]:
    """Return, relative to the root, files that hold settings: between the tests and it, in it, above it.

    Above it only where the root has none, as far as the repository goes or the folder that
    pytest was started in.
    """
    folders: dict[Path, None] = {}
    for file in dict.fromkeys(path.parent for path in test_files):
        if file.is_relative_to(root):
            folders |= dict.fromkeys(folder for folder in (file, *file.parents) if root in folder.parents)
    if not settings.source:
        folders |= dict.fromkeys(_above(root, started_in))
    beside = [path for path in settings_in(root) if path.name == MEMGUARD_YML != settings.source]
    found = [path for folder in sorted(folders) for path in settings_in(folder)]
    return tuple(os.path.relpath(path, root) for path in [*beside, *found])


def _above(root: Path, started_in: Path) -> Iterable[Path]:
    parents = list(root.parents)
    ends = [number for number, one in enumerate(parents) if one == started_in or (one / ".git").exists()]
    return [] if (root / ".git").exists() else parents[: ends[0] + 1 if ends else 0]
