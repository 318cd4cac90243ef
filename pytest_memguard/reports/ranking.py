"""The order of results: what grew first, the worst first."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_memguard.core.metrics import ALLOCATIONS
from pytest_memguard.core.verdict import OUTCOMES, MetricVerdict, Outcome, RunResults, TestResult

GROWTH = (Outcome.LEAKED, Outcome.OVER_LIMIT, Outcome.GREW)
"""The outcomes that mean more memory, worst first: a leak never ends."""

_OTHERS = (
    Outcome.NOT_MEASURED,
    Outcome.NO_BASELINE,
    Outcome.NEW,
    Outcome.STALE,
    Outcome.IMPROVED,
    Outcome.OK,
)


def worst_first(tests: Iterable[TestResult]) -> list[TestResult]:
    """Order results by outcome, then by the bytes they grew, then by name."""
    order = (*GROWTH, *_OTHERS)
    return sorted(tests, key=lambda test: (order.index(test.outcome), -growth_bytes(test), test.id))


def grown(results: RunResults) -> list[TestResult]:
    """Return the tests that grew, leaked or went over a limit, worst first."""
    return worst_first(test for test in results.tests if test.outcome in GROWTH)


def deciding_metric(test: TestResult) -> MetricVerdict | None:
    """Return the metric that led to the test's outcome, the one that grew most if several did."""
    same = [metric for metric in test.verdict.metrics if metric.outcome is test.outcome]
    return max(same, key=lambda metric: metric.measured - (metric.baseline or 0), default=None)


def growth_bytes(test: TestResult) -> int:
    """Return by how many bytes the test's worst metric is over what was accepted or allowed."""
    return max(
        (
            metric.measured - _accepted(metric)
            for metric in test.verdict.metrics
            if metric.outcome in GROWTH and metric.name != ALLOCATIONS
        ),
        default=0,
    )


def growth_share(test: TestResult) -> float:
    """Return the largest growth of a metric as a share of its baseline; zero where there is none."""
    return max(
        (
            (metric.measured - metric.baseline) / metric.baseline
            for metric in test.verdict.metrics
            if metric.outcome in GROWTH and metric.baseline
        ),
        default=0.0,
    )


def _accepted(metric: MetricVerdict) -> int:
    return metric.baseline if metric.baseline is not None else (metric.limit or 0)


def counts(results: RunResults) -> dict[str, int]:
    """Count the tests by outcome, those that occur, in the order of the outcomes with `ok` last."""
    found = {word: sum(test.outcome == word for test in results.tests) for word in OUTCOMES}
    ordered = {word: number for word, number in found.items() if number and word != Outcome.OK}
    return {**ordered, "ok": found["ok"]} if found["ok"] else ordered


def count_line(results: RunResults) -> str:
    """Write the counts as one line, as in `1 grew, 40 ok`."""
    return ", ".join(f"{number:,} {word}" for word, number in counts(results).items()) or "no guarded test"
