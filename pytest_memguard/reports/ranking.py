"""The order of results: what grew first, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pytest_memguard.core.verdict import MetricVerdict, Outcome, RunResults, TestResult


def worst_first(tests: Iterable[TestResult]) -> list[TestResult]:
    """Order results by outcome, then by the bytes they grew, then by name."""
    return sorted(tests, key=lambda test: (test.outcome.rank, -growth_bytes(test), test.id))


def grown(results: RunResults) -> list[TestResult]:
    """Return the tests that grew, leaked or went over a limit, worst first."""
    return worst_first(results.grown)


def growth_bytes(test: TestResult) -> int:
    """Return by how many bytes the test's worst metric is over what was accepted or allowed."""
    return max(
        (
            metric.measured - _accepted(metric)
            for metric in test.verdict.metrics
            if metric.outcome.is_growth and not metric.metric.is_count
        ),
        default=0,
    )


def growth_share(test: TestResult) -> float:
    """Return the largest growth of a metric as a share of its baseline; zero where there is none."""
    return max(
        (
            (metric.measured - metric.baseline) / metric.baseline
            for metric in test.verdict.metrics
            if metric.outcome.is_growth and metric.baseline
        ),
        default=0.0,
    )


def _accepted(metric: MetricVerdict) -> int:
    return metric.baseline if metric.baseline is not None else (metric.limit or 0)


def run_counts(results: RunResults) -> str:
    """Write how many tests of a run ended how, as in `2 grew, 40 ok; 1 quarantined`."""
    number = len(results.quarantined)
    return f"{count_text(results.counts())}{f'; {number:,} quarantined' if number else ''}"


def count_text(found: Mapping[Outcome, int]) -> str:
    """Write how many tests ended how, as in `1 grew, 40 ok`."""
    return ", ".join(f"{number:,} {outcome}" for outcome, number in found.items()) or "no guarded test"
