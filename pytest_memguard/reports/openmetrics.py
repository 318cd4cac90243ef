"""Results as OpenMetrics text: for Prometheus' textfile collector, its push gateway, and others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.core.verdict import MetricVerdict
from pytest_memguard.reports.rows import rows, worst_first
from pytest_memguard.reports.untrusted import printable

AT_MOST = 10_000
"""Each test takes several series of a database: of a run with more tests, the worst are listed and the
others counted."""

_LABEL_CHARACTERS = 240


class _Exposition:
    """The series of every metric, which must stand together under its description."""

    def __init__(self) -> None:
        self._series: dict[str, list[str]] = {}

    def add(self, name: str, text: str, value: int, labels: Mapping[str, str], unit: str = "") -> None:
        """Add a series to its metric."""
        described = f"# UNIT {name} {unit}\n" if unit else ""
        head = f"# TYPE {name} gauge\n{described}# HELP {name} {text}"
        written = ",".join(f'{label}="{_escaped(shown)}"' for label, shown in labels.items())
        self._series.setdefault(head, []).append(f"{name}{{{written}}} {value}")

    def lines(self) -> Iterator[str]:
        """Yield the text."""
        for head, series in self._series.items():
            yield head
            yield from series
        yield "# EOF"


@dataclass(frozen=True, slots=True)
class OpenMetricsReport:
    """The results as gauges, which are also valid in Prometheus' own text format.

    Samples have no timestamps, since a textfile collector refuses them.
    """

    def page(self, *runs: RunResults) -> str:
        """Return the exposition of one run, or of the runs of several environments."""
        written = _Exposition()
        for results in runs:
            _add_tests(written, results)
        for results in runs:
            _add_run(written, results)
        return "\n".join(written.lines()) + "\n"


def _add_tests(written: _Exposition, results: RunResults) -> None:
    found = worst_first(rows(results))
    names = _labels(row.id for row in found[:AT_MOST])
    for row, name in zip(found, names, strict=False):
        labels = {"environment": results.environment, "test": name}
        written.add(
            "memguard_test_outcome",
            "The outcome of a test; always 1.",
            1,
            labels | {"outcome": str(row.outcome)},
        )
        for judged in row.metrics:
            _add_metric(written, judged, labels | {"metric": judged.name})
    if len(found) > AT_MOST:
        written.add(
            "memguard_tests_left_out",
            "Number of tests without metrics of their own.",
            len(found) - AT_MOST,
            {"environment": results.environment},
        )


def _add_metric(written: _Exposition, judged: MetricVerdict, labels: Mapping[str, str]) -> None:
    unit = judged.name if judged.metric.is_count else "bytes"
    figures = (
        ("measured", "What the test needed in this run.", judged.measured),
        ("accepted", "What the baseline has accepted.", judged.baseline),
        ("limit", "What the test may need before it fails.", judged.limit),
    )
    for kind, text, value in figures:
        if value is not None:
            written.add(f"memguard_{kind}_{unit}", text, value, labels, unit)


def _add_run(written: _Exposition, results: RunResults) -> None:
    labels = {"environment": results.environment}
    counts = results.counts()
    for outcome in Outcome:  # also outcomes that no test has: an alert on a missing series never fires
        written.add(
            "memguard_tests",
            "Number of tests with this outcome.",
            counts.get(outcome, 0),
            labels | {"outcome": str(outcome)},
        )
    written.add("memguard_run_failed", "Whether the run failed for its memory.", int(results.failed), labels)


def _labels(ids: Iterable[str]) -> Iterator[str]:
    """Yield an escaped text for each id; ids that look the same when shortened are numbered."""
    seen: dict[str, int] = {}
    for test_id in ids:
        shown = printable(test_id, at_most=_LABEL_CHARACTERS)
        seen[shown] = seen.get(shown, 0) + 1
        yield shown if seen[shown] == 1 else f"{shown} ({seen[shown]})"


def _escaped(text: str) -> str:
    r"""Escape the value of a label.

    >>> _escaped('a"b\\c')
    'a\\"b\\\\c'
    """
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
