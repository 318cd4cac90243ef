"""Decides how the step ends: one status word and one exit code, from the outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pytest_memguard.core.outcome import Outcome, counts
from pytest_memguard.core.run_results import ProblemKind, RunProblem, RunResults, TestResult
from pytest_memguard.core.settings import DEFAULT_FAIL_ON_IN_CI
from pytest_memguard.github.inputs import Inputs

STATUSES = (
    "error",
    "regressed",
    "tests-failed",
    "no-tests",
    "no-baseline",
    "env-mismatch",
    "new",
    "improved",
    "passed",
)
"""Every status, the most important first."""

_TESTS_FAILED = 1
_NO_TESTS_COLLECTED = 5


@dataclass(frozen=True, slots=True)
class Measured:
    """How the measuring step ended."""

    exit_code: int
    """pytest's."""
    tests_failed: int | None = None
    """The number of tests that failed, if it is known."""
    base_commit: str = ""
    """The commit that the results were compared with, if they were not compared with the baseline."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The step's status, its exit code, and one sentence if something other than growth decided."""

    status: str
    sentence: str = ""
    exit_code: int = 0


def worst(decisions: Iterable[Decision]) -> Decision:
    """Join the decisions on several environments: the most important status, and failure if any failed."""
    every = sorted(decisions, key=lambda decision: STATUSES.index(decision.status))
    return replace(every[0], exit_code=max(decision.exit_code for decision in every))


def judged_by(
    results: RunResults, fail_on: Sequence[str] | None, *, adds_to_default: bool = False
) -> RunResults:
    """Mark as failing the results whose outcome is in `fail_on` or, without it, fails by default in CI.

    With `adds_to_default` both sets fail.
    """
    has_default = fail_on is None or adds_to_default
    tests = tuple(
        replace(test, fails=_is_named(test, fail_on or ()) or (has_default and _fails_by_default(test)))
        for test in results.tests
    )
    return replace(results, tests=tests, advisory=False, problems=_still_true(results))


def _is_named(test: TestResult, fail_on: Sequence[str]) -> bool:
    return test.outcome.value in fail_on and not test.verdict.is_quarantined


def _fails_by_default(test: TestResult) -> bool:
    if test.outcome is Outcome.NOT_MEASURED:
        return test.is_asked
    return _is_named(test, DEFAULT_FAIL_ON_IN_CI)


def _still_true(results: RunResults) -> tuple[RunProblem, ...]:
    """Leave out problems of single shards that the others solve."""
    solved: set[str] = set()
    if results.guarded:
        solved.add(ProblemKind.NO_TESTS)
    if results.measured:
        solved.update(_NONE_JUDGED)
    if Outcome.NO_BASELINE not in results.counts():
        solved.add(ProblemKind.NO_BASELINE)
    return tuple(problem for problem in results.problems if problem.kind not in solved)


def decide_status(
    results: RunResults | None, measured: Measured, *, inputs: Inputs, environments: Sequence[str] = ()
) -> Decision:
    """Decide from pytest's exit code and the results; `environments` are those with a baseline.

    A run without readable results, or one that pytest ended early, is an `error` whatever else it shows,
    since a gate that could not measure never passes.
    """
    exit_code, tests_failed = measured.exit_code, measured.tests_failed
    if exit_code not in (0, _TESTS_FAILED, _NO_TESTS_COLLECTED):
        return Decision("error", f"pytest ended with exit code {exit_code}. Its output is above.", exit_code)
    if results is None:
        sentence = "The run left no results that can be read. The output of pytest is above."
        return Decision("error", sentence, exit_code or 2)
    failed = exit_code == _TESTS_FAILED and tests_failed != 0
    by_memory = sum(test.fails for test in results.tests)
    otherwise = failed and (tests_failed is None or tests_failed > by_memory)
    decision = _status(results, failed=otherwise, environments=environments)
    fails = inputs.mode == "check" and (
        any(test.fails for test in results.tests) or _problem_fails(decision, results, inputs)
    )
    if fails and decision.status in FINE and not _fails_by_name(results, inputs):
        decision = Decision("error", _unguarded_sentence(results))
    return replace(decision, exit_code=_TESTS_FAILED if failed or fails else 0)


FINE = ("new", "improved", "passed")
"""Statuses of a run in which the gate worked and found no growth."""

_BY_NAME = frozenset({Outcome.NEW, Outcome.NO_BASELINE, Outcome.IMPROVED})
"""Outcomes of tests without growth, which fail only if `fail-on` names them."""
_OF_GATE = (
    ProblemKind.LOST_RESULTS,
    ProblemKind.UNFINISHED,
    ProblemKind.ACCEPTED_IN_CI,
    ProblemKind.UNJUDGED_ENTRIES,
)
"""Problems of a run in which the gate did not work, whatever the outcomes of its tests."""


def _fails_by_name(results: RunResults, inputs: Inputs) -> bool:
    """Say whether a run fails only for such outcomes: its status says why, and the gate missed nothing."""
    failing = {test.outcome for test in results.tests if test.fails}
    return failing <= _BY_NAME and not _gate_fails(results, inputs)


def _unguarded_sentence(results: RunResults) -> str:
    """Say why a run without growth fails: results are missing, or entries are no longer guarded."""
    said = [problem.sentence for problem in results.problems if problem.kind in _OF_GATE]
    failing = counts(test.outcome for test in results.tests if test.fails)
    return " ".join([*said, *(f"{number} {outcome}." for outcome, number in failing.items())])


_NONE_JUDGED = (ProblemKind.NOTHING_MEASURED, ProblemKind.NOTHING_JUDGED)
_NO_TESTS = "No guarded test ran. Mark tests with @pytest.mark.memguard, or set allow-empty: true."


def _status(results: RunResults, *, failed: bool, environments: Sequence[str]) -> Decision:
    outcomes = {test.outcome for test in results.guarded}
    kinds = {problem.kind: problem.sentence for problem in results.problems}
    growth_fails = any(test.fails for test in results.grown)
    if growth_fails or (results.grown and not failed):
        return Decision("regressed")
    if failed:
        return Decision(
            "tests-failed", "Tests failed for other reasons than memory. The output of pytest names them."
        )
    said = [kinds[kind] for kind in _NONE_JUDGED if kind in kinds]
    if said or not outcomes:
        return Decision("no-tests", said[0] if said else _NO_TESTS)
    if ProblemKind.NO_BASELINE in kinds or outcomes <= {Outcome.NO_BASELINE, Outcome.NOT_MEASURED}:
        return _without_baseline(results, environments)
    if outcomes & {Outcome.NEW, Outcome.NO_BASELINE}:
        return Decision("new")
    return Decision("improved" if Outcome.IMPROVED in outcomes else "passed")


def _without_baseline(results: RunResults, environments: Sequence[str]) -> Decision:
    if Outcome.NO_BASELINE not in {test.outcome for test in results.tests}:
        return Decision("no-tests", "No guarded test could be measured. The report says why of each.")
    others = sorted(set(environments) - {results.environment})
    there = f"; there is a baseline for {', '.join(others)}" if others else ""
    sentence = (
        f"Nothing is accepted for {results.environment}{there}. "
        "Accept the numbers of this run: comment `/memguard accept`, or apply the proposed baseline."
    )
    return Decision("env-mismatch" if others else "no-baseline", sentence)


def _problem_fails(decision: Decision, results: RunResults, inputs: Inputs) -> bool:
    """Say whether the run fails as a whole; without `fail-on`, as pytest would decide in CI."""
    if decision.status == "no-tests":
        if inputs.allow_empty:
            return False
        if inputs.fail_on is not None:
            return "no-tests" in inputs.fail_on
        kinds = {problem.kind: problem.fails for problem in results.problems}
        if ProblemKind.NOTHING_JUDGED in kinds and ProblemKind.NOTHING_MEASURED not in kinds:
            return False  # each test was skipped or failed for itself
        # The run's own setting may come from the checkout; a workflow that allows it says `allow-empty`.
        return inputs.is_enforced or kinds.get(
            ProblemKind.NOTHING_MEASURED, kinds.get(ProblemKind.NO_TESTS, True)
        )
    if decision.status in ("no-baseline", "env-mismatch"):
        return inputs.fail_on is None or bool({"no-baseline", "env-mismatch"} & set(inputs.fail_on))
    return _gate_fails(results, inputs)


def _gate_fails(results: RunResults, inputs: Inputs) -> bool:
    said = [problem for problem in results.problems if problem.kind in _OF_GATE]
    return any(problem.fails or inputs.is_enforced for problem in said)
