"""`memguard history`: the accepted numbers over the commits of the baseline."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator, Sequence

import click

from pytest_memguard.cli.parameters import baseline_option, environment_option, patterns_argument
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.commits.history import read_history
from pytest_memguard.core.changes import Change
from pytest_memguard.core.errors import NothingToJudgeError
from pytest_memguard.core.history import Evidence, History, HistoryStep, TestHistory
from pytest_memguard.core.metrics import METRICS, PEAK
from pytest_memguard.core.plain_values import to_plain
from pytest_memguard.core.units import counted, format_change
from pytest_memguard.reports.sparkline import sparkline
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage.accepting import select
from pytest_memguard.storage.baseline import BaselineStore

FORMAT = "memguard-history/1"
_WIDTH = 80
_POINTS = 24
_AUTHOR = 16
_BEFORE_FIGURES = " " * 38
_NOT_READ_SHOWN = 3
_PERHAPS_SHOWN = 2
_EVIDENCE = {
    Evidence.FILE: "its file was renamed",
    Evidence.NAME: "by its name",
    Evidence.NUMBERS: "by its numbers",
}


@click.command()
@patterns_argument
@click.option(
    "--metric",
    type=click.Choice(list(METRICS)),
    default=PEAK,
    show_default=True,
    help="Which number the line is drawn of.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form."
)
@environment_option
@baseline_option
@pass_project
def history(
    project: Project,
    *,
    patterns: tuple[str, ...],
    metric: str,
    form: str,
    environment: str | None,
    baseline: str | None,
) -> None:
    """Show the accepted numbers over the git history of the baseline, and who accepted what.

    PATTERNS are node ids, files, folders or shell patterns: each of their tests is shown step by step,
    under every name that it had. Without one, a line for each test.
    """
    store = project.store(environment, baseline)
    found = read_history(project.root, store.directory, store.environment)
    if not found.tests:
        raise NothingToJudgeError(_nothing(store))
    current = {name for name, test in found.tests.items() if test.entry is not None}
    chosen = select(found.tests, patterns, accepted=True) if patterns else current
    tests = [found.tests[name] for name in sorted(chosen)]
    if form == "json":
        project.write(json.dumps(history_json(found, tests), ensure_ascii=False, indent=1))
        return
    for test in tests:
        project.write(*(_whole(test, metric) if patterns else _in_short(test, metric)))
    commits = {step.commit.id for test in tests for step in test.steps}
    of_commits = counted(len(commits), "commit")
    project.write(f"{counted(len(tests), 'test')}, {of_commits} of the baseline, {store.environment}.")
    project.write(*_lacking(found))


def history_json(found: History, tests: Sequence[TestHistory]) -> dict[str, object]:
    """Return a history as JSON values: what the pages that draw it read, too."""
    return {
        "format": FORMAT,
        "environment": found.environment,
        "is_shallow": found.is_shallow,
        "unread": list(found.unread),
        "tests": [{"id": test.id, "steps": list(map(_step_json, test.steps))} for test in tests],
    }


def _step_json(step: HistoryStep) -> dict[str, object]:
    commit = step.commit
    return {
        "commit": commit.id,
        "time": commit.seconds,
        "day": commit.day.isoformat(),
        "author": commit.author,
        "subject": commit.subject,
        "id": step.test_id,
        "note": step.note,
        "was": dict(step.was.metrics) if step.was else None,
        "now": dict(step.now.metrics) if step.now else None,
        "renaming": to_plain(step.renaming),
        "perhaps": list(step.perhaps),
    }


def _nothing(store: BaselineStore) -> str:
    others = store.environments()
    named = f", but for {', '.join(others)}: `memguard history --environment {others[0]}`" if others else ""
    return f"no commit has a baseline for {store.environment}{named}. Accept one, and commit it."


def _in_short(test: TestHistory, metric: str) -> Iterator[str]:
    """Yield a test's line: its course, first and last number, and who accepted the last one."""
    last = test.steps[-1]
    yield printable(test.id)
    when = f"{last.commit.day}  {_author(last).rstrip()}"
    yield f"  {_course(test, metric)}  {when}"


def _course(test: TestHistory, metric: str) -> str:
    series = [value for _, value in test.series(metric)]
    if not series:
        return f"no {METRICS[metric].label}"
    drawn = sparkline(series, at_most=_POINTS, encoding=sys.stdout.encoding or "ascii")
    first, last = METRICS[metric].texts(series[0], series[-1])
    if len(set(series)) == 1:
        return f"{drawn}  {METRICS[metric].label} {last}"
    share = format_change(series[-1], series[0])
    return f"{drawn}  {METRICS[metric].label} {first} -> {last}{f' ({share})' if share else ''}"


def _whole(test: TestHistory, metric: str) -> Iterator[str]:
    """Yield a test's course and each of its steps, the oldest first."""
    yield printable(test.id)
    yield f"  {_course(test, metric)}"
    name = test.steps[0].renaming.old_id if test.steps[0].renaming else test.steps[0].test_id
    if name != test.id:
        yield f"  first as {printable(name)}"
    for step in test.steps:
        yield from _step_lines(step)
    yield ""


def _step_lines(step: HistoryStep) -> Iterator[str]:
    figures = "removed" if step.now is None else Change(step.test_id, step.was, step.now).figures
    parts = figures.split(", ") if figures else []
    if step.was is None and step.now is not None:
        parts.insert(0, "new")
    if not parts and not step.renaming:
        parts = ["note" if step.note else "sites or note"]
    lines = _joined(parts)
    head = f"  {step.commit.day}  {step.commit.short}  {_author(step)}"
    yield f"{head}{lines[0] if lines else 'renamed'}".rstrip()
    yield from (f"{_BEFORE_FIGURES}  {line}" for line in lines[1:])
    if step.renaming is not None:
        how = _EVIDENCE[step.renaming.evidence]
        yield f"      was {printable(step.renaming.old_id)} before ({how})"
    if step.perhaps:
        shown = ", ".join(map(printable, step.perhaps[:_PERHAPS_SHOWN]))
        more = len(step.perhaps) - _PERHAPS_SHOWN
        yield f"      may have been {shown}{f' or one of {more} more' if more > 0 else ''} before"
    if step.note:
        yield from textwrap.wrap(
            f"note: {printable(step.note)}", _WIDTH, initial_indent="      ", subsequent_indent="            "
        )


def _joined(parts: Sequence[str]) -> list[str]:
    """Put figures on lines that fit beside the author; no figure is split."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 2 <= _WIDTH - len(_BEFORE_FIGURES) - 2:
            lines[-1] = f"{lines[-1]}, {part}"
        else:
            lines.append(part)
    return lines


def _author(step: HistoryStep) -> str:
    shown = printable(step.commit.author, at_most=_AUTHOR - 2)
    return f"{shown:<{_AUTHOR}}"


def _lacking(found: History) -> Iterator[str]:
    """Say what the history lacks, so that nobody takes it for the whole."""
    if found.is_shallow:
        yield "This clone is shallow: older commits are not here. Get them with `git fetch --unshallow`."
    if found.unread:
        shown = ", ".join(map(printable, found.unread[:_NOT_READ_SHOWN]))
        more = len(found.unread) - _NOT_READ_SHOWN
        yield f"Not readable, so not shown: {shown}{f' and {more} more' if more > 0 else ''}."
