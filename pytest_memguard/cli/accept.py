"""`memguard accept`: write what the last run measured into the baseline."""

from __future__ import annotations

from pytest_memguard.cli.command import BASELINE, DRY_RUN, FROM, PATTERNS, Call, Command, Option
from pytest_memguard.core.errors import NothingToJudgeError
from pytest_memguard.core.verdict import Outcome, RunResults, counts
from pytest_memguard.reports.ranking import count_text
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage import accepting
from pytest_memguard.storage.accepting import Change, fitting, select
from pytest_memguard.storage.baseline import BaselineStore, write_gitignore
from pytest_memguard.storage.results import read_results_by_environment


def accept(call: Call) -> int:
    """Accept each environment of the results; a line for each entry that changes."""
    runs = read_results_by_environment(call.results_paths)
    if not any(run.tests for run in runs):
        raise NothingToJudgeError("the results hold no guarded test; mark one, then run `pytest --memguard`.")
    patterns = call.texts("patterns")
    select((test.id for run in runs for test in run.tests), patterns)  # each must fit somewhere
    for run in runs:
        if fitting((test.id for test in run.tests), patterns):
            _accept_run(call, run, patterns)
    return 0


def _accept_run(call: Call, run: RunResults, patterns: tuple[str, ...]) -> None:
    store = BaselineStore(call.baseline_directory, run.environment)
    dry_run = call.flag("dry-run")
    write = accepting.plan if dry_run else accepting.accept
    changes = write(store, run, patterns, everything=call.flag("all"), note=call.text("note"))
    if not dry_run and (call.root / ".memguard").is_dir():
        write_gitignore(call.root / ".memguard")
    for change in changes:
        call.write(f"  {printable(change.description)}")
    call.write(_last_line(run, patterns, changes, dry_run=dry_run))


def _last_line(run: RunResults, patterns: tuple[str, ...], changes: list[Change], *, dry_run: bool) -> str:
    if changes:
        verb = "would be accepted" if dry_run else "accepted"
        count = f"{len(changes):,} {'entry' if len(changes) == 1 else 'entries'}"
        return f"{count} {verb} for {run.environment}."
    chosen = fitting((test.id for test in run.tests), patterns)
    found = counts(test.outcome for test in run.tests if test.id in chosen)
    hint = " Rewrite also what is ok with --all." if Outcome.OK in found else ""
    return f"Nothing to accept for {run.environment}: {count_text(found)}.{hint}"


COMMAND = Command(
    help="""Accept what the last run measured: only entries whose verdict asks for it change.

    PATTERNS are node ids, files, folders or shell patterns; without one every test is meant.
    """,
    run=accept,
    arguments=(PATTERNS,),
    options=(
        Option("all", "Rewrite also the entries of tests that are ok.", flag=True),
        Option("note", "Why it may grow; kept in the entry for whoever reviews it."),
        FROM,
        BASELINE,
        DRY_RUN,
    ),
)
