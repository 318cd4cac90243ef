"""Writes the results of a run as JSON values."""

from __future__ import annotations

from dataclasses import replace

from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.verdict import Outcome, RunResults, TestResult, Verdict
from pytest_memguard.storage.measurement_format import MEASURED, MEASUREMENT
from pytest_memguard.storage.results_format import FORMAT, RUN, TEST


def result_to_json(result: TestResult) -> dict[str, object]:
    """Turn one result into JSON values, complete but for sites and curve of a test that is simply `ok`.

    Those of a test that is ok and says nothing more would be most of a large file;
    everything else comes back from `result_from_json` as it was.
    """
    written = TEST.write(result)
    if result.measurement is None:
        return written
    if result.outcome is Outcome.OK and not result.hints:
        compact = _compact(result.measurement, result.verdict)
        more = MEASUREMENT.write(compact)
        return written | MEASURED.write(compact) | ({"measurement": more} if more else {})
    complete = {"metrics": {}, "sites": []} | MEASUREMENT.write(result.measurement)
    return written | MEASURED.write(result.measurement) | {"measurement": complete}


def run_to_json(results: RunResults) -> dict[str, object]:
    """Turn what is said about the run as a whole into JSON values, without its tests."""
    return {"format": FORMAT, **RUN.write(results)}


def _compact(measurement: Measurement, verdict: Verdict) -> Measurement:
    """Leave out what the verdict says already, sites and curve."""
    more = {name: size for name, size in measurement.metrics.items() if verdict.metric(name) is None}
    leak = None if measurement.leak is None else replace(measurement.leak, sites=())
    return replace(measurement, metrics=more, sites=(), curve=None, leak=leak)
