"""The verdict on one test: its outcome, with the metrics, sites and rules that led to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_memguard.core.leak_finding import CountGrowth
from pytest_memguard.core.metrics import LEAK_PER_CALL, METRICS, RETAINED, SETTLED, Metric
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.sites import Meeting, Site


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
