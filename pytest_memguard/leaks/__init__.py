"""The leak check: repeat a body, tell leaks from caches, name the line and the holder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_memguard.concurrent_calls import STUCK_SECONDS, DeadlockError
from pytest_memguard.leaks.check import LeakCheck
from pytest_memguard.leaks.errors import BodyFailedError
from pytest_memguard.model import LeakFinding

__all__ = ["BodyFailedError", "DeadlockError", "LeakCheck", "check_leaks"]


def check_leaks(
    body: Callable[[], object],
    *,
    root: Path,
    budget_seconds: float = 1.0,
    ceiling_bytes: int = 1024**3,
    native: bool = False,
    between: Callable[[], None] | None = None,
    threads: int = 1,
    stuck_seconds: float = STUCK_SECONDS,
    is_news: Callable[[LeakFinding], bool] = lambda _finding: True,
    is_in_doubt: Callable[[LeakFinding], bool] = lambda _finding: False,
) -> LeakFinding:
    """Repeat `body`, say whether memory keeps growing per call, and explain it where it does.

    A leak whose rate `is_in_doubt` is screened twice, and the lower rate counts; one that `is_news`
    denies is not explained. `budget_seconds` is CPU time; `ceiling_bytes` limits what the check may
    add to the process; `between` is called after each window. With several `threads`, each of them
    calls the body, all starting at one barrier. Raises `BodyFailedError` where a call fails, with
    the error and the number of the call; the error is a `DeadlockError` where no thread moved for
    `stuck_seconds`.
    """
    check = LeakCheck(
        body,
        budget_seconds=budget_seconds,
        ceiling_bytes=ceiling_bytes,
        between=between,
        threads=threads,
        stuck_seconds=stuck_seconds,
    )
    finding = check.screen()
    if finding.leaking and is_in_doubt(finding):
        finding = _lower(finding, check)
    if finding.leaking and is_news(finding):
        return check.explain(finding, root=root, native=native)
    return finding


def _lower(first: LeakFinding, check: LeakCheck) -> LeakFinding:
    """Return the lower rate of two readings; a leak that only the first one shows stays as it is."""
    try:
        second = check.screen()
    except BodyFailedError:
        return first
    return second if second.leaking and second.bytes_per_call < first.bytes_per_call else first
