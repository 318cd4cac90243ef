"""Paths that came from an input: each must stay inside the workspace, symbolic links followed."""

from __future__ import annotations

from pathlib import Path

from pytest_memguard.errors import ValueFormError


def inside(root: Path, written: str) -> Path:
    """Resolve a path against `root`; `ValueFormError` where it leads out of it."""
    base = root.resolve()
    try:
        path = (base / written).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueFormError(f"{written!r} is not a path: {error}.") from error
    if path != base and base not in path.parents:
        raise ValueFormError(f"{written!r} leads out of {base}; accepted is a path inside it.")
    return path


def relative(root: Path, path: Path) -> str:
    """Write a path as one in `root`, with forward slashes; `ValueFormError` if it is outside."""
    return inside(root, str(path)).relative_to(root.resolve()).as_posix()
