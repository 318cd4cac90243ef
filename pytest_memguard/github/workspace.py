"""Checks paths from inputs: with symbolic links resolved, each must be inside the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pytest_memguard.core.errors import NothingToJudgeError, ResultsError, ValueFormError

FILE_NAME = "results.json"
MOST_FILES = 500


def results_files(workspace: Path, named: Sequence[str]) -> list[Path]:
    """Return the results files that inputs name: files, and every `results.json` below a folder.

    Raises `ValueFormError` for a path out of the workspace, `NothingToJudgeError` where there
    is no file, and `ResultsError` for a symbolic link or for too many files.
    """
    found: list[Path] = []
    for name in named:
        path = path_inside(workspace, name)
        found += sorted(path.rglob(FILE_NAME)) if path.is_dir() else [path]
    for path in found:
        if path.is_symlink() or path_inside(workspace, str(path)) != path.absolute():
            raise ResultsError(f"{path} is reached through a symbolic link; accepted is a plain file.")
    if not found:
        raise NothingToJudgeError(f"there is no {FILE_NAME} below {', '.join(named)}.")
    if len(found) > MOST_FILES:
        raise ResultsError(f"{len(found):,} results files were found; accepted are up to {MOST_FILES}.")
    return found


def refuse_links_out(workspace: Path, paths: Iterable[Path]) -> None:
    """Raise `ResultsError` for a link out of the workspace, which would lead to files of the runner.

    A job that merges results runs no code of the checkout, and may have access to more than the others.
    """
    root = workspace.resolve()
    for path in paths:
        target = path.resolve()
        if target != root and root not in target.parents:
            raise ResultsError(f"{path} leads out of {root} through a link; accepted is a file inside it.")


def path_inside(root: Path, written: str) -> Path:
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
    """Write a path relative to `root`, with forward slashes; `ValueFormError` if it is outside."""
    return path_inside(root, str(path)).relative_to(root.resolve()).as_posix()
