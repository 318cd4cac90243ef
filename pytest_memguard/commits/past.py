"""Finds what was accepted some days ago, in the git history of the baseline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

from pytest_memguard.commits.git import HistoryError, RevisionError, is_shallow, text_of_git, top_of
from pytest_memguard.core.history import History, Pasts


def read_pasts(
    project: Path,
    baseline: Path,
    environment: str,
    windows: Iterable[int],
    *,
    now: dt.datetime | None = None,
    head: str = "HEAD",
) -> Pasts:
    """Read what changed in each window of days, up to the commit `head`.

    A window begins with what the main line had accepted then, so that a branch of many days counts from
    the day when it was merged.
    """
    from pytest_memguard.commits.history import read_history  # noqa: PLC0415 - only for `creep`

    moment = now or dt.datetime.now(dt.timezone.utc)
    histories: dict[int, History] = {}
    days: dict[int, dt.date] = {}
    try:
        for window in sorted(set(windows)):
            begin = moment - dt.timedelta(window)
            days[window] = begin.date()
            revisions = _revisions(project, int(begin.timestamp()), head)
            if not revisions:
                return Pasts({}, {}, _shallow(window))
            histories[window] = read_history(project, baseline, environment, revisions)
    except (HistoryError, RevisionError) as error:
        return Pasts({}, {}, f"growth in small steps (creep) was not judged: {error}")
    unread = [place for history in histories.values() for place in history.unread]
    missing = (
        f"growth in small steps (creep) is not judged past {unread[0]}, which cannot be read."
        if unread
        else ""
    )
    return Pasts(histories, days, missing)


def _revisions(project: Path, begin_seconds: int, head: str) -> str:
    """Return the range of commits since a moment; empty where this clone may lack some of them."""
    repository = top_of(project) or project
    commits = text_of_git(repository, "rev-list", "--first-parent", "--timestamp", head, "--") or ""
    base = _base(commits.splitlines(), begin_seconds)
    if base:
        return f"{base}..{head}"
    return "" if is_shallow(repository) else head


def _base(commits: Sequence[str], begin_seconds: int) -> str:
    """Return the newest commit that is old enough, with every commit before it; empty if there is none.

    The first commit that is old enough may stand on newer ones: a rebase keeps old dates where it is told to.

    >>> _base(["100 docs", "300 growth", "200 first"], 250)
    'first'
    """
    base = ""
    for commit in reversed(commits):
        seconds, name = commit.split()
        if int(seconds) > begin_seconds:
            break
        base = name
    return base


def _shallow(days: int) -> str:
    return (
        f"growth in small steps (creep) was not judged: this clone does not reach back {days} days. "
        "Fetch the history, in a workflow with `fetch-depth: 0` on actions/checkout, elsewhere with "
        "`git fetch --unshallow`."
    )
