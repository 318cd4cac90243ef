"""Outcomes, the verdict on one test, and the results of a run: what every output works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from pytest_memguard.core.measurement import CountGrowth, Measurement, Site


class Outcome(str, Enum):
    """How a guarded test ended; every output uses these words."""

    OK = "ok"
    GREW = "grew"
    OVER_LIMIT = "over-limit"
    LEAKED = "leaked"
    IMPROVED = "improved"
    NEW = "new"
    NO_BASELINE = "no-baseline"
    STALE = "stale"
    NOT_MEASURED = "not-measured"

    def __str__(self) -> str:
        """Return the word itself on every Python."""
        return self.value


OUTCOMES = tuple(str(outcome) for outcome in Outcome)


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """One metric against its limit; `limit` is absent where nothing limits it.

    `outcome` says what this metric alone led to, and `rule` where the limit came from
    (`tolerance`, `max_peak`, …).
    """

    name: str
    measured: int
    outcome: Outcome
    baseline: int | None = None
    limit: int | None = None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class GrownSite:
    """A site that explains a verdict: what it holds now, and by how much more than accepted.

    `was_bytes` is absent where the baseline stored nothing about the site; `counted` is what
    the site leaves behind where that is not bytes.
    """

    site: Site
    size_bytes: int
    grew_by_bytes: int
    was_bytes: int | None = None
    inner: Site | None = None
    counted: CountGrowth | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome with the numbers and the rule that led to it.

    `is_in_doubt` says that the true peak, within what is known of it, may lead to another.
    """

    outcome: Outcome
    reason: str
    metrics: tuple[MetricVerdict, ...] = ()
    sites: tuple[GrownSite, ...] = ()
    is_in_doubt: bool = False

    def metric(self, name: str) -> MetricVerdict | None:
        """Return the verdict on one metric, if it was judged."""
        return next((metric for metric in self.metrics if metric.name == name), None)


@dataclass(frozen=True, slots=True)
class TestResult:
    """One guarded test, or one region of it, as the results file keeps it.

    `id` is the node id, with `::region` appended for a region. `fails` says that this
    outcome is in the run's `fail_on`.
    """

    __test__ = False

    id: str
    verdict: Verdict
    measurement: Measurement | None = None
    fails: bool = False
    hints: tuple[str, ...] = ()
    note: str = ""

    @property
    def outcome(self) -> Outcome:
        """The verdict's outcome."""
        return self.verdict.outcome


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
    it fails the run.
    """

    environment: str
    tests: tuple[TestResult, ...]
    meter: str = ""
    made_with: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[RunProblem, ...] = ()
    advisory: bool = False
    baseline_dir: str = ".memguard/baseline"


def meter_name(label: str) -> str:
    """Return the name of a meter without what it sees.

    >>> meter_name("memray (python allocators traced)")
    'memray'
    """
    return label.partition(" ")[0]
