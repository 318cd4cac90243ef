"""`memguard accept`: write what the last run measured into the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from pytest_memguard.cli.parameters import baseline_option, dry_run_option, from_option, patterns_argument
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.core.errors import NothingToJudgeError
from pytest_memguard.core.notes import refuse_without_note
from pytest_memguard.core.units import counted
from pytest_memguard.core.verdict import Outcome, RunResults, counts
from pytest_memguard.reports.rows import count_text
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage import accepting
from pytest_memguard.storage.accepting import Change, fitting, select
from pytest_memguard.storage.baseline import BaselineStore, write_gitignore
from pytest_memguard.storage.captures import keep_accepted
from pytest_memguard.storage.results import read_results_by_environment
from pytest_memguard.storage.unjudged import with_unjudged_entries


@dataclass(frozen=True, slots=True)
class _Wish:
    """What of each run is accepted, and how."""

    patterns: tuple[str, ...]
    everything: bool
    note: str | None
    dry_run: bool


@click.command()
@patterns_argument
@click.option("--all", "everything", is_flag=True, help="Also rewrite the entries of tests that are ok.")
@click.option("--note", help="The reason, which is kept in the entry for the reviewer.")
@from_option
@baseline_option
@dry_run_option
@pass_project
def accept(
    project: Project,
    *,
    patterns: tuple[str, ...],
    everything: bool,
    note: str | None,
    sources: tuple[Path, ...],
    baseline: str | None,
    dry_run: bool,
) -> None:
    """Accept what the last run measured: only entries whose verdict asks for it change.

    PATTERNS are node ids, files, folders or shell patterns; without one every test is meant.
    """
    runs = read_results_by_environment(project.results(sources))
    if not any(run.tests for run in runs):
        raise NothingToJudgeError(
            "the results contain no guarded test; mark one, then run `pytest --memguard`."
        )
    select((test.id for run in runs for test in run.tests), patterns)  # each must fit somewhere
    for run in runs:
        _tell_unjudged(project, run, project.baseline(baseline))
        if fitting((test.id for test in run.tests), patterns):
            store = project.store(run.environment, baseline)
            _accept_run(project, store, run, _Wish(patterns, everything, note, dry_run))


def _tell_unjudged(project: Project, run: RunResults, baseline: Path) -> None:
    """Say which entries stay as they are because no shard has judged them."""
    told = with_unjudged_entries(run, BaselineStore(baseline, run.environment), fails=False)
    for problem in told.problems[len(run.problems) :]:
        project.write(f"warning: {printable(problem.sentence)}")


def _accept_run(project: Project, store: BaselineStore, run: RunResults, wish: _Wish) -> None:
    share = project.settings.require_note
    if wish.dry_run:
        changes = accepting.plan(store, run, wish.patterns, everything=wish.everything, note=wish.note)
        refuse_without_note(changes, share)
    else:
        changes = accepting.accept_results(
            store,
            run,
            wish.patterns,
            everything=wish.everything,
            note=wish.note,
            review=lambda planned: refuse_without_note(planned, share),
        )
    if not wish.dry_run and (project.root / ".memguard").is_dir():
        write_gitignore(project.root / ".memguard")
        keep_accepted(project.root, run.tests, (change.test_id for change in changes))
    for change in changes:
        project.write(f"  {printable(change.description)}")
    project.write(_last_line(run, changes, wish))


def _last_line(run: RunResults, changes: list[Change], wish: _Wish) -> str:
    if changes:
        verb = "would be accepted" if wish.dry_run else "accepted"
        count = counted(len(changes), "entry", "entries")
        return f"{count} {verb} for {run.environment}."
    chosen = fitting((test.id for test in run.tests), wish.patterns)
    found = counts(test.outcome for test in run.tests if test.id in chosen)
    hint = " To also rewrite what is ok, use --all." if Outcome.OK in found else ""
    return f"Nothing to accept for {run.environment}: {count_text(found)}.{hint}"
