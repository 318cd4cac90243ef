"""Decides when a test is measured again."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.metrics import ALLOCATIONS, METRICS, PEAK
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sample import Sample
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.gate.joined_samples import VARYING, figures_of, highest_of
from pytest_memguard.gate.noise import ENOUGH_WARM, stands_out_once

CONFIRMING_SAMPLES = 3
CONFIRMING_SAMPLES_AT_MOST = 6
"""Growth is judged on the floor of this many samples; a fourth changed nothing where warm ones agree."""

NEW_SAMPLES = 2
NEW_SAMPLES_AT_MOST = 5
"""A new entry rests on two samples, and on more where the warm ones disagree."""

_NEEDED = {
    Outcome.GREW: (CONFIRMING_SAMPLES, CONFIRMING_SAMPLES_AT_MOST),
    Outcome.CREPT: (CONFIRMING_SAMPLES, CONFIRMING_SAMPLES_AT_MOST),
    Outcome.OVER_LIMIT: (CONFIRMING_SAMPLES, CONFIRMING_SAMPLES_AT_MOST),
    Outcome.IMPROVED: (NEW_SAMPLES, NEW_SAMPLES_AT_MOST),
    Outcome.NEW: (NEW_SAMPLES, NEW_SAMPLES_AT_MOST),
    Outcome.NO_BASELINE: (NEW_SAMPLES, NEW_SAMPLES_AT_MOST),
}
"""How many samples a verdict rests on at the least, and where they disagree at the most."""

COUNTED_SECONDS = 2.0
"""A count that nobody asked for is worth a sample of at most this many seconds."""

MOST_RECORDS = 10_000_000
"""How many records are gone through for a peak that is in doubt, at two microseconds each.

It is a number of records, not a time, so that a busy or slow machine does not change what is certain.
"""

FEW_ALLOCATIONS = 100_000
"""How many allocations are looked at in about the CPU second that an interpreter needs to start pytest."""

_DISAGREEMENT = 1 / 32
"""A share of what is tolerated. Warm samples of most tests are equal to the byte; one may differ by more.

A test of trio, which orders its tasks by chance, needs 201 KB one time in seven and otherwise 224.
"""


def counts_allocations(
    samples: Sequence[Sample], verdict: Verdict, policy: Policy, *, seconds: float
) -> bool:
    """Say whether the sample after these should count allocations.

    Where they are gated every sample does. Where the peak is in doubt the next one does too, since looking
    at every allocation finds the exact peak, and so do those after it, which are compared with it.
    Otherwise a sample does that may end in an entry, if it is needed anyway and a sample takes no longer
    than the few `seconds` that a count is worth.
    """
    if policy.counted or verdict.is_in_doubt or _have_doubt(samples, policy):
        return True
    is_known = any(METRICS[name].from_each_allocation for sample in samples for name in sample.metrics)
    is_early = verdict.outcome is Outcome.GREW and len(samples) < CONFIRMING_SAMPLES - 1
    return bool(samples) and not is_known and not is_early and seconds <= COUNTED_SECONDS


def counts_at_first(accepted: Entry | None) -> bool:
    """Say whether the first sample of a test should count, where each sample is an interpreter of its own.

    The peak of most of them is in doubt without it, since pytest and its plugins are imported there as well,
    and a further interpreter costs more than to look at the few allocations that were accepted.
    """
    allocations = None if accepted is None else accepted.metrics.get(ALLOCATIONS)
    return allocations is not None and allocations <= FEW_ALLOCATIONS


def most_records(policy: Policy) -> int | None:
    """Return how many records a counted sample goes through at the most; None for all of them."""
    return None if policy.counted else MOST_RECORDS


def _have_doubt(samples: Sequence[Sample], policy: Policy) -> bool:
    """Say whether the peak of a sample may be off by more than is tolerated."""
    tolerance = policy.tolerances.get(PEAK)
    return tolerance is not None and any(
        sample.harness_bytes > tolerance.allowance_bytes(sample.peak_bytes) for sample in samples
    )


def may_end_in_entry(verdict: Verdict) -> bool:
    """Say whether what was measured may be accepted next, or has grown, and needs its lines for it."""
    return verdict.outcome in _NEEDED


def wants_another(samples: Sequence[Sample], verdict: Verdict, policy: Policy, *, is_counted: bool) -> bool:
    """Say whether one more sample is needed before the verdict on these can stand.

    `is_counted` says whether the last of them was asked to count allocations: a doubt that is left then
    stays, since the next sample could say no more.
    """
    if verdict.is_in_doubt and not is_counted:
        return True
    least, most = _NEEDED.get(verdict.outcome, (0, 0))
    if verdict.outcome is Outcome.NOT_MEASURED and verdict.deciding is not None:  # it is too noisy
        least, most = _NEEDED[Outcome.GREW]
    if len(samples) < least or (len(samples) < most and _disagree(samples, policy)):
        return True
    return 0 < most <= len(samples) <= ENOUGH_WARM and _one_stands_out(samples[1:], policy)


def _disagree(samples: Sequence[Sample], policy: Policy) -> bool:
    """Say whether the samples differ by more than a small part of what is tolerated.

    With two samples the first, cold one counts; from the third on only the warm ones do,
    since what is paid once is no noise.
    """
    compared = samples if len(samples) == NEW_SAMPLES else samples[1:]
    for name, tolerance in policy.tolerances.items():
        if name in VARYING:
            figures = figures_of(compared, name)
            lowest = min(highest_of(compared, name))
            if max(figures) - lowest > _DISAGREEMENT * tolerance.allowance_bytes(lowest):
                return True
    return False


def _one_stands_out(warm: Sequence[Sample], policy: Policy) -> bool:
    """Say whether one warm sample has so much more than the others that its entry would guard little."""
    return any(name in VARYING and stands_out_once(figures_of(warm, name)) for name in policy.tolerances)
