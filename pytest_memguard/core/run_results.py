"""The results of a run, or of several that are merged: what every reader after the run works with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.outcome import Outcome, counts
from pytest_memguard.core.paths import BASELINE_PATH
from pytest_memguard.core.sample import Curve
from pytest_memguard.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class TestResult:
    """One guarded test, or one region of it, as the results file keeps it.

    `id` is the node id, with `::region` appended for a region. `fails` says that this
    outcome is in the run's `fail_on`, and not quarantined. `profile` is where its capture is kept,
    from the project's root, and `accepted_curve` the one to compare the measurement's with.
    `is_asked` says of a test that was not measured that its marker, or its accepted leak rate, asks for a
    check that was not made. `line` is where the test stands in its file; 0 where that is not known.
    """

    __test__ = False

    id: str
    verdict: Verdict
    measurement: Measurement | None = None
    fails: bool = False
    hints: tuple[str, ...] = ()
    note: str = ""
    profile: str = ""
    accepted_curve: Curve | None = None
    is_asked: bool = False
    line: int = 0

    @property
    def outcome(self) -> Outcome:
        """The verdict's outcome."""
        return self.verdict.outcome

    @property
    def leak(self) -> LeakFinding | None:
        """What its leak check found, where there was one."""
        return None if self.measurement is None else self.measurement.leak


class ProblemKind(str, Enum):
    """What can be wrong with a run as a whole; docs/reference/outcomes.md says when, and what fails."""

    NO_TESTS = "no-tests"
    NOTHING_MEASURED = "nothing-measured"
    NOTHING_JUDGED = "nothing-judged"
    NO_BASELINE = "no-baseline"
    LOST_RESULTS = "lost-results"
    UNFINISHED = "unfinished"
    UNJUDGED_ENTRIES = "unjudged-entries"
    PASSED_OVER = "passed-over"
    ACCEPTED_IN_CI = "accepted-in-ci"
    NO_HISTORY = "no-history"
    KNOWN_LEAKS = "known-leaks"
    OVERRULED = "overruled"
    OTHER_ROOT = "other-root"
    SETTINGS_NOT_READ = "settings-not-read"

    def __str__(self) -> str:
        """Return the word itself on every Python."""
        return self.value


@dataclass(frozen=True, slots=True)
class RunProblem:
    """Something wrong with the run as a whole: its kind, a sentence, and whether it fails the run.

    `kind` is a `ProblemKind`, or another word in a results file that a later version wrote.
    """

    kind: str
    sentence: str
    fails: bool


@dataclass(frozen=True, slots=True)
class RunResults:
    """One run, or several merged: what every reader after the run works with.

    `meter` says what measured and what it sees, as in `memray (python allocators traced)`.
    `made_with` maps a name (`python`, `memray`) to a version. `problems` are sentences about
    the run as a whole (no guarded test, no baseline for this environment), each with whether
    it fails the run. `left_out` are accepted entries that the run met and need not judge: pytest's own
    options deselect their tests, or their module was skipped. `files` counts what was merged.
    """

    environment: str
    tests: tuple[TestResult, ...]
    meter: str = ""
    made_with: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[RunProblem, ...] = ()
    advisory: bool = False
    baseline_dir: str = BASELINE_PATH
    left_out: tuple[str, ...] = ()
    files: int = field(default=1, compare=False)

    @property
    def failed(self) -> bool:
        """Whether the run fails for its memory, by a test or as a whole."""
        return any(test.fails for test in self.tests) or any(problem.fails for problem in self.problems)

    @property
    def guarded(self) -> tuple[TestResult, ...]:
        """The guarded tests that ran; an entry without one is not among them."""
        return tuple(
            test for test in self.tests if test.measurement is not None or not test.outcome.is_about_entry
        )

    @property
    def measured(self) -> tuple[TestResult, ...]:
        """The guarded tests that were measured and judged."""
        return tuple(test for test in self.guarded if test.outcome is not Outcome.NOT_MEASURED)

    @property
    def grown(self) -> tuple[TestResult, ...]:
        """The tests that need more memory than was accepted or is allowed."""
        return tuple(test for test in self.tests if test.outcome.is_growth)

    @property
    def quarantined(self) -> tuple[TestResult, ...]:
        """The tests that grew and fail nothing yet."""
        return tuple(test for test in self.tests if test.verdict.is_quarantined)

    def counts(self) -> dict[Outcome, int]:
        """Count the tests by outcome, the worst first."""
        return counts(test.outcome for test in self.tests)


def merged(runs: Sequence[RunResults]) -> RunResults:
    """Merge runs of one environment, such as the shards of a matrix.

    Of a test that several runs hold the worst result counts, whatever the order of the runs. What
    was measured comes before what was not, unless that fails; a test that any run found is not stale.
    """
    if len(runs) == 1:
        return runs[0]
    tests: dict[str, TestResult] = {}
    for run in runs:
        for test in run.tests:
            tests[test.id] = min(tests.get(test.id, test), test, key=_standing)
    return replace(
        runs[-1],
        tests=tuple(tests[name] for name in sorted(tests)),
        made_with={name: version for run in runs for name, version in run.made_with.items()},
        problems=tuple(dict.fromkeys(problem for run in runs for problem in run.problems)),
        advisory=all(run.advisory for run in runs),
        left_out=tuple(sorted({test_id for run in runs for test_id in run.left_out})),
        files=sum(run.files for run in runs),
    )


def _standing(test: TestResult) -> tuple[bool, bool, int, int]:
    """Order the results of one test, the one that counts first; of two that grew, the one that grew most."""
    is_unmeasured = test.measurement is None
    return (
        is_unmeasured and test.outcome.is_about_entry,
        is_unmeasured and not test.fails,
        test.outcome.rank,
        -max((metric.measured for metric in test.verdict.metrics), default=0),
    )


def meter_name(label: str) -> str:
    """Return the name of a meter without what it sees.

    >>> meter_name("memray (python allocators traced)")
    'memray'
    """
    return label.partition(" ")[0]
