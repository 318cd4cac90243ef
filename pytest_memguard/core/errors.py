"""The errors that memguard reports: one sentence, a slug and an exit code each."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar


class MemguardError(Exception):
    """An error a user can act on; `slug` leads to its paragraph in docs/reference/messages.md.

    `exit_code` is that of the command line: 0 fine, 1 growth, 2 usage or unreadable input,
    3 nothing to judge.
    """

    slug: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 2


class ValueFormError(MemguardError):
    """A size, a percentage, a tolerance or another written value that cannot be read."""

    slug = "unreadable-value"


class UnknownNameError(MemguardError):
    """A marker argument, a setting or an outcome that memguard does not know."""

    slug = "unknown-name"


class SettingsError(MemguardError):
    """A settings file that cannot be read or holds a wrong value."""

    slug = "settings"


class MarkerError(MemguardError):
    """A `memguard` marker whose arguments cannot be used."""

    slug = "marker"


class BaselineError(MemguardError):
    """A baseline that exists and cannot be read or written."""

    slug = "unreadable-baseline"

    @classmethod
    def at(cls, path: Path, line: int, problem: str) -> BaselineError:
        """Say what is wrong on a line of a baseline's file, and the ways out."""
        end = "" if problem.endswith("?") else "."
        restore = f"git checkout HEAD -- {shlex.quote(str(path))}"  # which works amidst a merge as well
        return cls(
            f"{path}:{line}: {problem}{end} Correct the line, or restore the file with `{restore}`, "
            "then look at it with `memguard show`."
        )


class ResultsError(MemguardError):
    """A results file that exists and cannot be trusted."""

    slug = "unreadable-results"


class NoteRequiredError(MemguardError):
    """Growth that the project accepts only with a reason."""

    slug = "note-required"


class NothingToJudgeError(MemguardError):
    """There are no results, or no baseline, to work with."""

    slug = "nothing-to-judge"
    exit_code = 3


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, or list them all.

    >>> nearest("tolerence", ["tolerance", "leaks"])
    "did you mean 'tolerance'?"
    >>> nearest("x", ["tolerance", "leaks"])
    'accepted: leaks, tolerance'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"accepted: {', '.join(names)}"


def described(error: BaseException) -> str:
    """Return an error in one line, as in `TimeoutError: pool limit reached`."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def noted(error: BaseException, note: str) -> BaseException:
    """Add a note to an error that may be frozen; pytest shows it on CPython 3.10, too, which has no notes."""
    BaseException.__setattr__(error, "__notes__", [*getattr(error, "__notes__", ()), note])
    return error


def cause_of(error: Exception) -> str:
    """Say why the system refused something, without the number and the path that it says too."""
    return getattr(error, "strerror", None) or str(error)
