"""Results made by hand for the tests of reports and of the action."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from pytest_memguard.core.leak_finding import KindGrowth, LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.metrics import LEAK_PER_CALL, PEAK, RETAINED
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunProblem, RunResults, TestResult
from pytest_memguard.core.sites import Site
from pytest_memguard.core.units import MIB
from pytest_memguard.core.verdict import GrownSite, MetricVerdict, Quarantine, Verdict
from pytest_memguard.gate.wording import metric_text

ENVIRONMENT = "cpython-3.11-linux-x86_64"


def result(
    test_id: str = "tests/test_cache.py::test_lookup",
    outcome: Outcome = Outcome.OK,
    *,
    measured: int = 31 * MIB,
    baseline: int | None = 31 * MIB,
    reason: str = "",
    file: str = "shop/cache.py",
    function: str = "put",
    note: str = "",
) -> TestResult:
    """Make a result whose peak led to its outcome; growth comes with the site that grew."""
    limit = None if baseline is None else baseline + 16384
    metrics = (
        MetricVerdict(PEAK, measured, outcome, baseline, limit, "tolerance"),
        MetricVerdict(RETAINED, 72, Outcome.OK, 72, 16456, "tolerance"),
    )
    sites: tuple[GrownSite, ...] = ()
    if outcome is Outcome.GREW:
        grew_by = measured - (baseline or 0)
        sites = (
            GrownSite(Site(file, 41, function), size_bytes=measured, grew_by_bytes=grew_by, was_bytes=0),
        )
    measurement = Measurement(meter="memray", samples=3, metrics={PEAK: measured, RETAINED: 72})
    return TestResult(
        id=test_id,
        verdict=Verdict(
            outcome, reason or (metric_text(metrics[0]) if sites else str(outcome)), metrics, sites
        ),
        measurement=measurement,
        fails=outcome in (Outcome.GREW, Outcome.LEAKED, Outcome.OVER_LIMIT),
        note=note,
    )


def quarantined(test: TestResult) -> TestResult:
    """Return the result as it is while its growth is quarantined."""
    verdict = replace(test.verdict, quarantine=Quarantine(dt.date(2027, 1, 31)))
    return replace(test, verdict=verdict, fails=False)


def leaked(test_id: str = "tests/test_cache.py::test_session", *held_by: str) -> TestResult:
    """Make a result that leaks 1.2 KiB a call."""
    leak = LeakFinding(
        leaking=True,
        bytes_per_call=1229,
        calls=12_400,
        held_by=held_by,
        kinds=(KindGrowth("dict", 2.0), KindGrowth("shop.session.Session", 1.0)) if held_by else (),
        fingerprint="5f0c1a2b3c4d" if held_by else "",
    )
    verdict = Verdict(
        Outcome.LEAKED,
        "1.2 KiB a call, steady over 12,400 calls",
        (MetricVerdict(LEAK_PER_CALL, 1229, Outcome.LEAKED, None, 0, "no leak"),),
        (GrownSite(Site("shop/session.py", 88, "open"), size_bytes=1229, grew_by_bytes=1229),),
    )
    measurement = Measurement(meter="memray", samples=1, metrics={LEAK_PER_CALL: 1229}, leak=leak)
    return TestResult(id=test_id, verdict=verdict, measurement=measurement, fails=True)


def run(*tests: TestResult, problems: Iterable[RunProblem] = (), advisory: bool = False) -> RunResults:
    """Make the results of a run."""
    return RunResults(
        environment=ENVIRONMENT,
        tests=tests,
        meter="memray",
        made_with={"python": "3.11.7", "memray": "1.20.0"},
        problems=tuple(problems),
        advisory=advisory,
    )
