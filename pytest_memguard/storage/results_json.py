"""The results of a run as JSON values: writes them, and reads untrusted ones with every check."""

from __future__ import annotations

from dataclasses import replace

from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults, TestResult
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.storage.checked_json import Part
from pytest_memguard.storage.measurement_format import MEASURED, MEASUREMENT
from pytest_memguard.storage.results_format import FORMAT, RUN, TEST


def result_to_json(result: TestResult) -> dict[str, object]:
    """Turn one result into JSON values, complete except for sites and curve if the test is simply `ok`.

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


def result_from_json(value: object) -> TestResult:
    """Read what `result_to_json` wrote; `ResultsError` names the place and what is accepted.

    Keys that this version does not know are ignored.
    """
    return _result(Part(value, "result"))


def run_from_json(value: object) -> RunResults:
    """Read a whole results file's value; `ResultsError` names the place and what is accepted."""
    run = Part(value, "")
    written = Part(run.fields().get("format"), "format")
    if written.value != FORMAT:
        if isinstance(written.value, str) and written.value.startswith("memguard-results/"):
            raise written.wrong(
                f"{FORMAT!r}; a later pytest-memguard made it: `pip install -U pytest-memguard`"
            )
        raise written.wrong(repr(FORMAT))
    tests = tuple(_result(test) for test in run.field("tests").elements())
    return RunResults(tests=tests, **RUN.values(run))


def _result(part: Part) -> TestResult:
    result = TEST.read(part)
    if part.fields().get("samples") is None:
        return result
    return replace(result, measurement=_measurement(part, result))


def _measurement(part: Part, result: TestResult) -> Measurement:
    more = part.field("measurement", {})
    kept = MEASUREMENT.values(more)
    # A compact record leaves out what its verdict says already; a complete one has its sites.
    is_complete = "sites" in more.fields()
    known = {} if is_complete else {metric.name: metric.measured for metric in result.verdict.metrics}
    return Measurement(**MEASURED.values(part) | kept | {"metrics": known | kept["metrics"]})
