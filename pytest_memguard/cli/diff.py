"""`memguard diff`: the last run against the baseline, or one run against another."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click

from pytest_memguard.cli.parameters import baseline_option, from_option
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.core.changes import Change
from pytest_memguard.core.entries import Entry
from pytest_memguard.core.errors import NothingToJudgeError, ResultsError
from pytest_memguard.core.outcome import Outcome, counts
from pytest_memguard.core.run_results import RunResults, TestResult
from pytest_memguard.gate.judge import judge
from pytest_memguard.reports.rows import count_text
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage.accepting import entry_from, select
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.results import read_results

_COLOURS = {
    Outcome.GREW: "red",
    Outcome.OVER_LIMIT: "red",
    Outcome.LEAKED: "red",
    Outcome.IMPROVED: "green",
    Outcome.NOT_MEASURED: "yellow",
}
_WIDTH = max(len(outcome) for outcome in Outcome)


class DiffRow(NamedTuple):
    """What differs about one test."""

    outcome: Outcome
    test_id: str
    text: str
    is_quarantined: bool = False


@click.command()
@click.argument("what", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Also show what is ok.")
@from_option
@baseline_option
@pass_project
def diff(
    project: Project,
    *,
    what: tuple[str, ...],
    everything: bool,
    sources: tuple[Path, ...],
    baseline: str | None,
) -> int:
    """Compare the last run with the baseline, or two results files with each other.

    WHAT is nothing, patterns (node ids, files, folders, shell patterns), or two results files:
    the earlier and the later. Two files are judged by the settings' tolerance. Exit code 1 where
    something grew.
    """
    files = [text for text in what if text.endswith(".json")]
    if files and len(files) != len(what):
        raise ResultsError(f"give two results files or patterns, not both; got {' '.join(what)}.")
    if files:
        return _report(project, *_between_files(project, files), everything=everything)
    codes = []
    for run in project.runs(sources):
        store = project.store(run.environment, baseline)
        rows = _against_baseline(store, run, what)
        codes.append(_report(project, run.environment, rows, everything=everything))
    return max(codes)


def _report(project: Project, environment: str, rows: list[DiffRow], *, everything: bool) -> int:
    for outcome, test_id, text, _ in rows:
        if outcome is Outcome.OK and not everything:
            continue
        word = click.style(f"{outcome:<{_WIDTH}}", _COLOURS.get(outcome, "cyan"))
        project.write(f"  {word}  {printable(test_id)}")
        if text:
            project.write(f"  {'':<{_WIDTH}}    {printable(text)}")
    found = counts(outcome for outcome, *_ in rows)
    project.write(f"{count_text(found)}  ({environment})")
    return int(any(row.outcome.is_growth and not row.is_quarantined for row in rows))


def _against_baseline(store: BaselineStore, run: RunResults, patterns: tuple[str, ...]) -> list[DiffRow]:
    """Return the run's own verdicts, except for entries that were accepted since."""
    entries = store.entries_of(test.id for test in run.tests)
    chosen = select((test.id for test in run.tests), patterns)
    return [_row(test, entries.get(test.id)) for test in run.tests if test.id in chosen]


def _row(test: TestResult, accepted: Entry | None) -> DiffRow:
    if test.measurement is None:
        return DiffRow(test.outcome, test.id, test.verdict.reason)
    measured = entry_from(test.measurement, accepted)
    if accepted == measured:
        return DiffRow(Outcome.OK, test.id, "")
    text = Change(test.id, accepted, measured).figures or test.verdict.reason
    return DiffRow(test.outcome, test.id, text, test.verdict.is_quarantined)


def _between_files(project: Project, files: list[str]) -> tuple[str, list[DiffRow]]:
    if len(files) != 2:  # noqa: PLR2004 -- before and after
        raise ResultsError(
            f"memguard diff compares two results files, and got {len(files)}: memguard diff A.json B.json."
        )
    before, after = (read_results([Path(file)]) for file in files)
    if before.environment != after.environment:
        raise ResultsError(
            f"numbers of {before.environment} and {after.environment} do not compare; "
            "take both results in one environment."
        )
    if not before.tests and not after.tests:
        raise NothingToJudgeError(
            "neither results file has a guarded test. Mark one, then run: pytest --memguard"
        )
    earlier = {test.id: test for test in before.tests}
    rows = [_compared(project, earlier.pop(test.id, None), test) for test in after.tests]
    gone = [DiffRow(Outcome.STALE, test.id, f"only in {files[0]}") for test in earlier.values()]
    return after.environment, rows + gone


def _compared(project: Project, before: TestResult | None, after: TestResult) -> DiffRow:
    if after.measurement is None:
        return DiffRow(Outcome.NOT_MEASURED, after.id, after.verdict.reason)
    if before is None or before.measurement is None:
        return DiffRow(Outcome.NEW, after.id, Change(after.id, None, entry_from(after.measurement)).figures)
    old = entry_from(before.measurement)
    verdict = judge(after.measurement, old, project.settings.policy_for(after.id))
    figures = Change(after.id, old, entry_from(after.measurement)).figures
    return DiffRow(verdict.outcome, after.id, figures, after.verdict.is_quarantined)
