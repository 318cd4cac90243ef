"""`memguard accept`: write what the last run measured into the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from pytest_memguard.cli.parameters import baseline_option, dry_run_option, from_option, patterns_argument
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.core.errors import NothingToJudgeError
from pytest_memguard.core.notes import refuse_without_note
from pytest_memguard.core.outcome import Outcome, counts
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.core.units import counted
from pytest_memguard.reports.rows import count_text
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage.accepting import Acceptance, accept_results, fitting, plan, select
from pytest_memguard.storage.baseline import BaselineStore, write_gitignore
from pytest_memguard.storage.captures import keep_accepted
from pytest_memguard.storage.unjudged import with_unjudged_entries


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
    runs = project.runs(sources)
    if not any(run.tests for run in runs):
        raise NothingToJudgeError(
            "the results contain no guarded test; mark one, then run `pytest --memguard`."
        )
    select((test.id for run in runs for test in run.tests), patterns)  # each must fit somewhere
    for run in runs:
        _tell_unjudged(project, run, project.baseline(baseline))
        if fitting((test.id for test in run.tests), patterns):
            store = project.store(run.environment, baseline)
            _accept_run(project, store, run, Acceptance(patterns, everything, note), dry_run=dry_run)


def _tell_unjudged(project: Project, run: RunResults, baseline: Path) -> None:
    """Say which entries stay as they are because no shard has judged them."""
    told = with_unjudged_entries(run, BaselineStore(baseline, run.environment), fails=False)
    for problem in told.problems[len(run.problems) :]:
        project.write(f"warning: {printable(problem.sentence)}")


def _accept_run(
    project: Project, store: BaselineStore, run: RunResults, wanted: Acceptance, *, dry_run: bool
) -> None:
    review = partial(refuse_without_note, share=project.settings.require_note)
    if dry_run:
        changes = plan(store, run, wanted)
        review(changes)
    else:
        changes = accept_results(store, run, wanted, review=review)
        if (project.root / ".memguard").is_dir():
            write_gitignore(project.root / ".memguard")
            keep_accepted(project.root, run.tests, (change.test_id for change in changes))
    project.write(*(f"  {printable(change.description)}" for change in changes))
    if changes:
        verb = "would be accepted" if dry_run else "accepted"
        project.write(f"{counted(len(changes), 'entry', 'entries')} {verb} for {run.environment}.")
    else:
        project.write(_why_nothing(run, wanted.patterns))


def _why_nothing(run: RunResults, patterns: Sequence[str]) -> str:
    chosen = fitting((test.id for test in run.tests), patterns)
    found = counts(test.outcome for test in run.tests if test.id in chosen)
    hint = " To also rewrite what is ok, use --all." if Outcome.OK in found else ""
    return f"Nothing to accept for {run.environment}: {count_text(found)}.{hint}"
