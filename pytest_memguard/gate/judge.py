"""Decides: the one place that compares a number with a limit."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.history import Past
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.metrics import LEAK_PER_CALL, METRICS, PEAK, SETTLED
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.tolerance import LEAK_TOLERANCE, Tolerance
from pytest_memguard.core.units import KIB
from pytest_memguard.core.verdict import MetricVerdict, Quarantine, Verdict, deciding
from pytest_memguard.gate.creep import with_creep
from pytest_memguard.gate.grown_sites import counted_sites, grown_sites
from pytest_memguard.gate.noise import NOISE_AT_MOST
from pytest_memguard.gate.wording import (
    GONE,
    NO_LEAK_CHECK,
    REGION_GONE,
    UNGUARDED,
    other_meter_text,
    peak_doubt_text,
    reason_of,
)

SPREAD_FACTOR = 2
"""How often the spread of an entry's warm samples is tolerated beside its tolerance."""

_EITHER_AT_MOST = Tolerance(relative=1.0, absolute_bytes=128 * KIB)
"""Growth within the noise of an entry may be noise; but not where the test has doubled."""

_SLACK_FACTOR = 2
"""An entry this many times above what is measured could hide growth."""

INTERPRETER_TABLES_BYTES = 128 * KIB
"""What `settled` may vary by on unchanged code, whatever the tolerance.

The interpreter replaces its tables (of subclasses, of interned strings) now and then by larger or smaller
ones; the order of the tests decides which test meets that. On real suites it came to 86 KB.
"""

_LEAK_TOLERANCE_AT_MOST = Tolerance(relative=0.25, absolute_bytes=16)
"""Noise widens what is tolerated up to here: a leak that is known must not hide another one."""

COUNT_TOLERANCE = 0.1
"""Counts are exact; the calls over which a slow leak is read may cut one off in ten."""

_DOUBTFUL_FACTOR = 2
"""A rate above this many times what is allowed needs no second reading."""


_NOTHING = Entry({})

WITHOUT_TEST = Verdict(Outcome.STALE, GONE)
"""The verdict on an entry whose test no longer exists."""

WITHOUT_GUARD = Verdict(Outcome.UNGUARDED, UNGUARDED)
"""The verdict on an entry whose test ran, and is no longer guarded."""

WITHOUT_REGION = Verdict(Outcome.UNGUARDED, REGION_GONE)
"""The verdict on an entry of a region that its test, which ran, did not come to."""


def judge(
    measurement: Measurement,
    entry: Entry | None,
    policy: Policy,
    *,
    has_baseline: bool = True,
    today: dt.date | None = None,
    past: Past | None = None,
) -> Verdict:
    """Judge what was measured against what was accepted and against the policy's limits.

    `has_baseline` says whether anything at all is accepted for this environment; without it
    a test that has no entry is `no-baseline`, not `new`. So is one whose entry another meter took: their
    figures do not compare. `today` decides whether a quarantine is over. `past` is what was accepted some
    time ago, where growth in small steps is judged.
    """
    if entry is not None and not entry.is_of(measurement.meter):
        verdict = judge(measurement, None, policy, has_baseline=False, today=today)
        if verdict.outcome is Outcome.NO_BASELINE:
            return replace(verdict, reason=other_meter_text(entry.meter, measurement))
        return verdict
    accepted = entry or _NOTHING
    judged = tuple(
        _judge_metric(name, measurement, accepted, policy) for name in METRICS if name in measurement.metrics
    )
    outcomes = (*(metric.outcome for metric in judged), _judge_counts(measurement, accepted))
    outcome = min(outcomes, key=lambda outcome: outcome.rank)
    if outcome is Outcome.NEW and entry is None and not has_baseline:
        outcome = Outcome.NO_BASELINE
    shown = deciding(outcome, judged)
    verdict = Verdict(
        outcome=outcome,
        reason=reason_of(outcome, shown, measurement, entry),
        metrics=judged,
        sites=grown_sites(measurement, entry, shown) + counted_sites(measurement, outcome),
        is_in_doubt=_is_in_doubt(measurement, accepted, policy),
    )
    if past is not None and entry is not None:
        verdict = with_creep(verdict, measurement, past, policy)
    has_grown = outcome.is_growth or verdict.outcome is Outcome.CREPT
    return replace(verdict, quarantine=_quarantine(policy, today)) if has_grown else verdict


def _quarantine(policy: Policy, today: dt.date | None) -> Quarantine | None:
    if policy.on_growth != "warn":
        return None
    is_over = policy.until is not None and today is not None and today >= policy.until
    return Quarantine(policy.until, is_over=is_over)


def certain(verdict: Verdict, measurement: Measurement) -> Verdict:
    """Return the verdict that can stand: of those in doubt one that fails, however high the true peak was.

    With any other verdict in doubt it is not known whether the test grew.
    """
    if not verdict.is_in_doubt or verdict.outcome.is_growth:
        return verdict
    return not_measured(peak_doubt_text(measurement))


def _is_in_doubt(measurement: Measurement, entry: Entry, policy: Policy) -> bool:
    """Say whether the highest peak that the measurement allows would be judged otherwise.

    A peak that may be accepted must not leave later runs in doubt either.
    """
    doubt_bytes = measurement.peak_doubt_bytes
    if not doubt_bytes:
        return False
    peak_bytes = measurement.metrics[PEAK]
    highest = replace(measurement, metrics={PEAK: peak_bytes + doubt_bytes})
    judged, at_most = (_judge_metric(PEAK, each, entry, policy) for each in (measurement, highest))
    if judged.outcome is at_most.outcome and judged.outcome in (Outcome.NEW, Outcome.IMPROVED, Outcome.GREW):
        return SPREAD_FACTOR * doubt_bytes > policy.tolerances[PEAK].allowance_bytes(peak_bytes)
    return judged.outcome is not at_most.outcome


def not_measured(reason: str) -> Verdict:
    """Return the verdict on a test that could not be measured."""
    return Verdict(Outcome.NOT_MEASURED, reason)


def without_leak_check(verdict: Verdict) -> Verdict:
    """Return the verdict on a test that passes, but whose accepted leak check was not asked for.

    A worse verdict stays as it is.
    """
    if verdict.outcome.rank < Outcome.UNGUARDED.rank:
        return verdict
    return replace(verdict, outcome=Outcome.UNGUARDED, reason=NO_LEAK_CHECK)


def _judge_metric(name: str, measurement: Measurement, entry: Entry, policy: Policy) -> MetricVerdict:
    if name == LEAK_PER_CALL:
        return _judge_leak(measurement, entry, policy)
    measured, baseline = measurement.metrics[name], entry.metrics.get(name)
    most, tolerance = policy.limits.get(name), policy.tolerances.get(name)
    if most is not None and measured > most:
        outcome = Outcome.OVER_LIMIT
    elif tolerance is None:
        outcome = Outcome.OK
    elif baseline is None:
        outcome = Outcome.NEW
    else:
        return _compare(name, measurement, entry, tolerance)
    rule = METRICS[name].limit_key if most is not None else ""
    return MetricVerdict(name, measured, outcome, baseline, most, rule)


def _compare(name: str, measurement: Measurement, entry: Entry, tolerance: Tolerance) -> MetricVerdict:
    """Judge a metric by what was accepted for it."""
    measured, baseline = measurement.metrics[name], entry.metrics[name]
    least = _least_allowance_bytes(name, measurement, baseline)
    tolerated = max(tolerance.allowance_bytes(baseline), least)
    noise = SPREAD_FACTOR * entry.spread.get(name, 0)
    allowed = max(tolerated, min(noise, NOISE_AT_MOST.allowance_bytes(baseline)))
    outcome = Outcome.OK
    if measured > baseline + max(allowed, min(noise, _EITHER_AT_MOST.allowance_bytes(baseline))):
        outcome = Outcome.GREW
    elif measured > baseline + allowed:
        outcome = Outcome.NOT_MEASURED
    elif measured < baseline - max(tolerated, noise):
        outcome = Outcome.IMPROVED
    is_blind = noise > max(tolerated, int(NOISE_AT_MOST.relative * baseline))
    return MetricVerdict(
        name, measured, outcome, baseline, baseline + allowed, "tolerance", noise if is_blind else 0
    )


def _least_allowance_bytes(name: str, measurement: Measurement, baseline_bytes: int) -> int:
    """Return what `settled` may vary by whatever the tolerance.

    What a cache fills up to may vary as a leak's rate does, and by its doubt: the tables of its containers
    grow in one run and not in the next.
    """
    if name != SETTLED:
        return 0
    leak = measurement.leak
    if leak is None or not leak.bounds:
        return INTERPRETER_TABLES_BYTES
    in_doubt = LEAK_TOLERANCE.allowance_bytes(baseline_bytes) + leak.doubt_bytes
    by_rate = min(in_doubt, _LEAK_TOLERANCE_AT_MOST.allowance_bytes(baseline_bytes))
    return max(INTERPRETER_TABLES_BYTES, by_rate)


def _judge_leak(measurement: Measurement, entry: Entry, policy: Policy) -> MetricVerdict:
    """Judge the rate of a leak: it fails without a baseline, unless a limit allows it.

    The tables of its containers may be missing in another run: they count only as far as the accepted rate
    has them.
    """
    measured = measurement.metrics[LEAK_PER_CALL]
    baseline, spread = entry.metrics.get(LEAK_PER_CALL), entry.spread.get(LEAK_PER_CALL, 0)
    doubt = measurement.spread.get(LEAK_PER_CALL, 0)
    allowed = _leak_allowance_bytes(baseline, spread) if baseline else 0
    limit, rule = (baseline or 0) + allowed, "no leak" if baseline is None else "tolerance"
    compared = measured - max(0, doubt - spread) if baseline else measured
    most = policy.limits.get(LEAK_PER_CALL, -1)
    if most >= limit:
        compared, limit, rule = measured, most, METRICS[LEAK_PER_CALL].limit_key
    outcome = Outcome.OK
    if compared > limit:
        outcome = Outcome.LEAKED
    elif baseline and measured + max(0, spread - doubt) < baseline - allowed:
        outcome = Outcome.IMPROVED
    return MetricVerdict(LEAK_PER_CALL, measured, outcome, baseline, limit, rule)


def _leak_allowance_bytes(baseline_bytes: int, spread_bytes: int) -> int:
    """Return by how much a known rate may grow: the tolerance, or more where its readings differed."""
    tolerated = max(LEAK_TOLERANCE.allowance_bytes(baseline_bytes), SPREAD_FACTOR * spread_bytes)
    return min(tolerated, _LEAK_TOLERANCE_AT_MOST.allowance_bytes(baseline_bytes))


def _judge_counts(measurement: Measurement, entry: Entry) -> Outcome:
    """Judge what leaks beside bytes: each unit fails unless its rate is accepted."""
    if measurement.leak is None:
        return Outcome.OK
    accepted = entry.leaks_per_1000_calls
    leaking = {count.unit: count.per_1000_calls for count in measurement.leak.counts}
    for unit, count in leaking.items():
        if count > (1 + COUNT_TOLERANCE) * accepted.get(unit, 0):
            return Outcome.LEAKED
    return Outcome.IMPROVED if set(accepted) - set(leaking) else Outcome.OK


def is_leak_in_doubt(verdict: Verdict) -> bool:
    """Say whether a leak that is known or allowed grew so little that a second reading may pass it."""
    rate = verdict.metric(LEAK_PER_CALL)
    if rate is None or rate.outcome is not Outcome.LEAKED or not rate.limit:
        return False
    return rate.measured <= _DOUBTFUL_FACTOR * rate.limit


def has_settled_higher(verdict: Verdict) -> bool:
    """Say whether what a test settled at grew or is too much; this process can read it only once."""
    settled = verdict.metric(SETTLED)
    return settled is not None and settled.outcome in (Outcome.GREW, Outcome.OVER_LIMIT)


def has_grown_much(metric: MetricVerdict) -> bool:
    """Say whether a metric passes that has grown by more than noise may, since its tolerance allows it."""
    baseline = metric.baseline
    return (
        metric.metric.from_samples
        and metric.outcome is Outcome.OK
        and metric.rule == "tolerance"
        and baseline is not None
        and metric.measured > baseline + NOISE_AT_MOST.allowance_bytes(baseline)
    )


def is_slack(metric: MetricVerdict) -> bool:
    """Say whether an entry is so far above what is measured that growth could hide under it."""
    return (
        metric.outcome is Outcome.IMPROVED
        and metric.baseline is not None
        and metric.baseline > _SLACK_FACTOR * metric.measured
    )
