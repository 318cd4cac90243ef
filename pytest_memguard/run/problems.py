"""Problems of a run as a whole: it guarded no test, measured nothing, lost results, and so on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import ProblemKind, RunProblem, RunResults, TestResult
from pytest_memguard.core.units import counted
from pytest_memguard.guard.found_results import FoundResults
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.run.options import RunOptions


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run beside the results of its tests.

    `lost` are planned tests without a result, `never_run` those that a stopped run did not end,
    `doubled` those that ended more than once, `unjudged` those that were skipped, failed or expected to
    fail. `cut_off_by` names what ended the process in the midst of the run.
    `is_empty_by_choice` says that the tests that the run left out may include guarded ones.
    `elsewhere` is pytest's rootdir as seen from where it was started, if commands that are called there look
    in another folder. `passed_over` are modules whose accepted entries nobody judged, though the command
    line selected nothing, `skipped` those that skip themselves. `unread` are settings files that it did not
    read; `no_history` says why growth in small steps could not be judged.
    """

    lost: Sequence[str] = ()
    never_run: Sequence[str] = ()
    doubled: Sequence[str] = ()
    unjudged: AbstractSet[str] = frozenset()
    cut_off_by: str = ""
    is_empty_by_choice: bool = False
    unread: Sequence[str] = ()
    no_history: str = ""
    passed_over: Sequence[str] = ()
    skipped: Sequence[str] = ()
    elsewhere: str = ""


def problems(
    session: GuardSession, found: FoundResults, options: RunOptions, facts: RunFacts
) -> tuple[RunProblem, ...]:
    """Say what is wrong with the run as a whole; in CI most of it fails, elsewhere it warns."""
    strict = options.asked.in_ci and not session.settings.advisory
    results = found.judged()
    return (
        *_without_verdicts(session, results, facts, fails=strict and not session.accepting),
        *_without_baseline(session, results, fails=strict),
        *_passed_over(facts, fails=strict),
        *_in_other_folders(facts),
        *_without_history(session, options, facts),
        *_accepted_in_ci(results, options, fails=strict),
        *_lost_results(facts, fails=strict),
        *_unfinished(facts, fails=strict, is_advisory=session.settings.advisory),
        *_known_leaks(session, found, is_whole=not options.asked.places),
    )


def _without_verdicts(
    session: GuardSession, results: RunResults, facts: RunFacts, *, fails: bool
) -> Iterator[RunProblem]:
    tests = results.guarded
    if not tests and facts.never_run:
        return  # that it was stopped says it all
    if not tests:
        sentence = _LEFT_OUT if facts.is_empty_by_choice else _NONE_GUARDED
        may_be_empty = session.settings.allow_empty or facts.is_empty_by_choice
        yield RunProblem(ProblemKind.NO_TESTS, sentence, fails and not may_be_empty)
    elif results.measured:
        return
    elif any(test.id not in facts.unjudged for test in tests):
        yield RunProblem(ProblemKind.NOTHING_MEASURED, _NONE_MEASURED, fails)
    else:
        yield RunProblem(ProblemKind.NOTHING_JUDGED, _NONE_MEASURED, fails=False)


def _without_baseline(session: GuardSession, results: RunResults, *, fails: bool) -> Iterator[RunProblem]:
    tests = results.guarded
    uncompared = [test for test in tests if test.outcome is Outcome.NO_BASELINE]
    if tests and not session.accepting and (uncompared or not session.baseline.exists):
        sentence = _other_meter(uncompared) if session.baseline.exists else _no_baseline(session)
        yield RunProblem(ProblemKind.NO_BASELINE, sentence, fails)


def _passed_over(facts: RunFacts, *, fails: bool) -> Iterator[RunProblem]:
    """Say which entries nobody judged; a pull request may change files, not the command line."""
    if facts.passed_over:
        first = shlex.quote(f"{facts.passed_over[0]}::*")
        sentence = (
            f"{_entries_of(facts.passed_over)} were not judged: the project's own files leave them out "
            "(collect_ignore, python_files, testpaths or addopts). Remove them if that is meant for good: "
            f"memguard prune {first}; or if another run judges them, say on the command line of this one "
            "what it is for, by folders, -m, -k, --deselect or --ignore."
        )
        yield RunProblem(ProblemKind.PASSED_OVER, sentence, fails)
    if facts.skipped:
        sentence = f"{_entries_of(facts.skipped)} were not judged: the file skips itself as a whole."
        yield RunProblem(ProblemKind.PASSED_OVER, sentence, fails=False)


def _in_other_folders(facts: RunFacts) -> Iterator[RunProblem]:
    if facts.unread:
        sentence = (
            f"{', '.join(facts.unread)}: settings that this run does not read. It reads pyproject.toml in "
            "pytest's rootdir, or memguard.yml where there is none; move them there, or name another "
            "--rootdir."
        )
        yield RunProblem(ProblemKind.SETTINGS_NOT_READ, sentence, fails=False)
    if root := facts.elsewhere:
        sentence = (
            f"pytest's rootdir is {root}, so this run's results and baseline are in {root}/.memguard. Call "
            f"commands as in `memguard --root {shlex.quote(root)} accept`, or run pytest with --rootdir=. to "
            "use this folder."
        )
        yield RunProblem(ProblemKind.OTHER_ROOT, sentence, fails=False)


def _without_history(session: GuardSession, options: RunOptions, facts: RunFacts) -> Iterator[RunProblem]:
    if facts.no_history:
        asked = session.settings.fails(str(Outcome.CREPT), in_ci=options.asked.in_ci)
        judges = options.asked.in_ci or not session.accepting
        fails = asked and judges and not session.settings.advisory
        yield RunProblem(ProblemKind.NO_HISTORY, facts.no_history, fails)


def _accepted_in_ci(results: RunResults, options: RunOptions, *, fails: bool) -> Iterator[RunProblem]:
    if options.asked.accepts_unasked:
        sentence = (
            "--memguard-accept comes from addopts or PYTEST_ADDOPTS, and this is CI: what it accepts fails "
            "all the same, since nobody reviews it there. Take it out, or write it on the command line."
        )
        changes = any(test.outcome.passes_by_accepting for test in results.tests)
        yield RunProblem(ProblemKind.ACCEPTED_IN_CI, sentence, fails and changes)


def _lost_results(facts: RunFacts, *, fails: bool) -> Iterator[RunProblem]:
    parts = []
    if facts.lost:
        parts.append(f"{_named(facts.lost)} planned and left no result")
    if facts.doubled:
        parts.append(f"{_named(facts.doubled)} run to its end more than once, of which the worst counts")
    if parts:
        sentence = (
            f"{'; '.join(parts)}. A plugin that runs tests in its own way is the likeliest cause: "
            "run them without it, or leave them unguarded."
        )
        yield RunProblem(ProblemKind.LOST_RESULTS, sentence, fails)


def _unfinished(facts: RunFacts, *, fails: bool, is_advisory: bool) -> Iterator[RunProblem]:
    """Say that tests did not run; if something ended the process of pytest, that fails outside CI too."""
    left = f"{_named(facts.never_run)} left without a result" if facts.never_run else ""
    if facts.cut_off_by:
        sentence = (
            f"{facts.cut_off_by} ended the process of pytest{'; ' if left else ''}{left}. Call it in a child "
            "process only; with isolate=True a test has one of its own, and ends alone."
        )
        yield RunProblem(ProblemKind.UNFINISHED, sentence, fails=not is_advisory)
    elif left:
        yield RunProblem(ProblemKind.UNFINISHED, f"the run was stopped: {left}. Run them again.", fails)


def _known_leaks(session: GuardSession, found: FoundResults, *, is_whole: bool) -> Iterator[RunProblem]:
    """Say which entries of the settings are past their day, and which a whole run did not need."""
    for entry in session.expired_known_leaks():
        sentence = (
            f"the known leak {entry.entry} ended on {entry.until}: what it matches fails again. "
            "Fix the leak, or set a later `until`."
        )
        yield RunProblem(ProblemKind.KNOWN_LEAKS, sentence, fails=False)
    for entry in found.unused_known_leaks() if is_whole else ():
        sentence = (
            f"the known leak {entry.entry} matched nothing in this run. Remove it if its leak is fixed."
        )
        yield RunProblem(ProblemKind.KNOWN_LEAKS, sentence, fails=False)


_NONE_GUARDED = (
    "this run guarded no test, so it proves nothing about memory. Mark tests with "
    "@pytest.mark.memguard, or run with --memguard-all."
)
_NONE_MEASURED = (
    "no guarded test was measured, so this run proves nothing about memory. The reasons are listed above."
)
_LEFT_OUT = (
    "no guarded test is among those that this run selected, so the run says nothing about memory. "
    "`pytest --memguard` without -k, -m or paths runs all of them."
)


def _entries_of(modules: Sequence[str]) -> str:
    first, *more = modules
    others = f" and of {counted(len(more), 'more file')}" if more else ""
    return f"accepted entries of {first}{others}"


def _named(test_ids: Sequence[str]) -> str:
    first, *more = test_ids
    return f"{first} and {len(more)} more were" if more else f"{first} was"


def _other_meter(uncompared: Sequence[TestResult]) -> str:
    test, *more = uncompared
    others = f", nor {len(more)} more for the same reason" if more else ""
    return (
        f"{test.id} was not compared: {test.verdict.reason}{others}. Run with the meter of the baseline, "
        "or accept this run's numbers with: memguard accept"
    )


def _no_baseline(session: GuardSession) -> str:
    others = [name for name in session.baseline.store.environments() if name != session.environment]
    there = f" There are baselines for {', '.join(others)}." if others else ""
    return (
        f"nothing is accepted for {session.environment} in {session.settings.baseline_dir}, "
        f"so nothing was compared.{there} Accept this run's numbers with: memguard accept"
    )
