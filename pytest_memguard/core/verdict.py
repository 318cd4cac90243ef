"""Outcomes, the verdict on one test, and the results of a run: what every output works with."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from pytest_memguard.core.leak_finding import CountGrowth, LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.metrics import LEAK_PER_CALL, METRICS, RETAINED, SETTLED, Metric
from pytest_memguard.core.paths import BASELINE_PATH
from pytest_memguard.core.sample import Curve
from pytest_memguard.core.sites import Meeting, Site


class Outcome(str, Enum):
    """How a guarded test, or an accepted entry, ended; the worst first, in the order of every output."""

    LEAKED = "leaked"
    OVER_LIMIT = "over-limit"
    GREW = "grew"
    NO_BASELINE = "no-baseline"
    NOT_MEASURED = "not-measured"
    UNGUARDED = "unguarded"
    STALE = "stale"
    CREPT = "crept"
    NEW = "new"
    IMPROVED = "improved"
    OK = "ok"

    def __str__(self) -> str:
        """Return the word itself on every Python."""
        return self.value

    @property
    def rank(self) -> int:
        """The place in the order of the outcomes; 0 is the worst."""
        return OUTCOMES.index(self.value)

    @property
    def is_growth(self) -> bool:
        """Whether it means that a test needs more memory than was accepted or is allowed."""
        return self in (Outcome.LEAKED, Outcome.OVER_LIMIT, Outcome.GREW)

    @property
    def is_new(self) -> bool:
        """Whether nothing is accepted that the test could be compared with."""
        return self in (Outcome.NEW, Outcome.NO_BASELINE)

    @property
    def changes_entry(self) -> bool:
        """Whether accepting writes its numbers; an `ok` entry is rewritten only where everything is."""
        return self.is_growth or self.is_new or self in (Outcome.IMPROVED, Outcome.UNGUARDED)

    @property
    def passes_by_accepting(self) -> bool:
        """Whether an accepting run does not fail it: it writes the numbers instead, where there are any."""
        is_accepted = self.changes_entry and self is not Outcome.OVER_LIMIT
        return is_accepted or self in (Outcome.CREPT, Outcome.STALE)

    @property
    def is_about_entry(self) -> bool:
        """Whether it is about an accepted entry that no guarded test answers for any more."""
        return self in (Outcome.STALE, Outcome.UNGUARDED)


OUTCOMES = tuple(outcome.value for outcome in Outcome)


def counts(outcomes: Iterable[Outcome]) -> dict[Outcome, int]:
    """Count outcomes: those that occur, the worst first.

    >>> counts([Outcome.OK, Outcome.GREW, Outcome.OK])
    {<Outcome.GREW: 'grew'>: 1, <Outcome.OK: 'ok'>: 2}
    """
    found = Counter(outcomes)
    return {outcome: found[outcome] for outcome in Outcome if found[outcome]}


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """One metric against its limit; `limit` is absent where nothing limits it.

    `outcome` says what this metric alone led to, and `rule` where the limit came from
    (`tolerance`, `max_peak`, …). `noise` is how far the samples of the entry allow it to vary, where
    that is more than a gate may tolerate: then it is blind to growth up to there.
    """

    name: str
    measured: int
    outcome: Outcome
    baseline: int | None = None
    limit: int | None = None
    rule: str = ""
    noise: int = 0

    @property
    def metric(self) -> Metric:
        """The metric that was judged."""
        return METRICS[self.name]


@dataclass(frozen=True, slots=True)
class LineBytes:
    """A line of source, what it holds, and how it reads where its file can be read."""

    line: int
    size_bytes: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class GrownSite:
    """A site that explains a verdict: what it holds now, and by how much more than accepted.

    `was_bytes` is absent where the baseline stored nothing about the site; `counted` is what
    the site leaves behind where that is not bytes. Where it is the function that grew, and several of
    its lines may be the cause, they are in `lines`, the largest first; the line of the site is that one.
    `met` is where the threads had come to that made it.
    """

    site: Site
    size_bytes: int
    grew_by_bytes: int
    was_bytes: int | None = None
    inner: Site | None = None
    counted: CountGrowth | None = None
    lines: tuple[LineBytes, ...] = ()
    met: Meeting | None = None


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Growth that a policy reports without failing: `is_over` from the day `until` on, if there is one."""

    until: dt.date | None = None
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class CreepStep:
    """A commit that accepted more of a metric than was accepted before."""

    commit: str
    day: dt.date
    author: str
    was: int
    now: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Creep:
    """Growth of a metric in small steps that adds up to more than `rule` allows.

    `was` is what was accepted on the day `since`, and `accepted` what is accepted now: `measured`
    may be more than that, within its tolerance.
    """

    metric: str
    since: dt.date
    was: int
    accepted: int
    measured: int
    rule: str
    steps: tuple[CreepStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome with the numbers and the rule that led to it; `creep` is growth in small steps, if any.

    `is_in_doubt` says that the true peak, within what is known of it, may lead to another.
    """

    outcome: Outcome
    reason: str
    metrics: tuple[MetricVerdict, ...] = ()
    sites: tuple[GrownSite, ...] = ()
    is_in_doubt: bool = False
    quarantine: Quarantine | None = None
    creep: Creep | None = None

    @property
    def is_quarantined(self) -> bool:
        """Whether the growth fails nothing yet."""
        return self.quarantine is not None and not self.quarantine.is_over

    def metric(self, name: str) -> MetricVerdict | None:
        """Return the verdict on one metric, if it was judged."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    @property
    def told(self) -> tuple[MetricVerdict, ...]:
        """The metrics that reports show: what leaks settles at nothing, so its 0 B would be untrue."""
        leaks = any(metric.name == LEAK_PER_CALL and metric.measured for metric in self.metrics)
        return tuple(metric for metric in self.metrics if not (leaks and metric.name == SETTLED))

    @property
    def deciding(self) -> MetricVerdict | None:
        """The metric that led to the outcome; of several the one that is farthest from its entry."""
        return deciding(self.outcome, self.metrics)

    @property
    def is_about_end(self) -> bool:
        """Whether it rests on what was left at the end, and not on the peak."""
        deciding = self.deciding
        return self.outcome is Outcome.LEAKED or (deciding is not None and deciding.name == RETAINED)


def deciding(outcome: Outcome, metrics: Iterable[MetricVerdict]) -> MetricVerdict | None:
    """Return the metric that leads to an outcome; of several the one that is farthest from its entry.

    Bytes come before counts.
    """
    same = [judged for judged in metrics if judged.outcome is outcome]
    return max(
        same,
        key=lambda judged: (not judged.metric.is_count, abs(judged.measured - (judged.baseline or 0))),
        default=None,
    )


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


@dataclass(frozen=True, slots=True)
class RunProblem:
    """Something wrong with the run as a whole: a word, a sentence, and whether it fails the run."""

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
