"""Decides when a test is measured again, and combines its samples into one measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.metrics import ALLOCATIONS, METRICS, PEAK
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sample import RECORDS, Curve, Sample
from pytest_memguard.core.sites import SiteBytes
from pytest_memguard.core.tolerance import DEFAULT_TOLERANCE
from pytest_memguard.core.units import MIB, format_size
from pytest_memguard.core.verdict import Outcome, Verdict

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

_SAMPLED = tuple(metric.name for metric in METRICS.values() if metric.from_samples)
_VARYING = tuple(name for name in _SAMPLED if METRICS[name].is_gated)


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
    return len(samples) < least or (len(samples) < most and _disagree(samples, policy))


def _disagree(samples: Sequence[Sample], policy: Policy) -> bool:
    """Say whether the samples differ by more than a small part of what is tolerated.

    With two samples the first, cold one counts; from the third on only the warm ones do,
    since what is paid once is no noise.
    """
    compared = samples if len(samples) == NEW_SAMPLES else samples[1:]
    for name, tolerance in policy.tolerances.items():
        if name in _VARYING:
            figures = _figures(compared, name)
            lowest = min(_highest(compared, name))
            if max(figures) - lowest > _DISAGREEMENT * tolerance.allowance_bytes(lowest):
                return True
    return False


def measurement_of(
    samples: Sequence[Sample],
    *,
    meter: str,
    leak: LeakFinding | None = None,
    notes: tuple[str, ...] = (),
    is_fresh: bool = False,
) -> Measurement:
    """Join samples, in the order in which they were taken, and the leak check's finding.

    `is_fresh` says that each sample is from an interpreter of its own, so that all of them are first calls.
    """
    lowest = min(samples, key=lambda sample: sample.highest_peak_bytes, default=None)
    metrics = {name: min(figures) for name in _SAMPLED if (figures := _figures(samples, name))}
    if lowest is not None:
        metrics[PEAK] = lowest.peak_bytes
    warm, cold = samples[1:], samples[:1]
    spread = {name: max(_figures(warm, name)) - metrics[name] for name in _VARYING if warm}
    first = {name: max(_figures(cold, name)) - metrics[name] for name in _VARYING if cold}
    if leak is not None:
        metrics |= leak.metrics
        spread |= leak.spread
    return Measurement(
        meter=meter,
        samples=len(samples),
        metrics=metrics,
        spread={name: size_bytes for name, size_bytes in spread.items() if size_bytes > 0},
        first_cost={name: size_bytes for name, size_bytes in first.items() if size_bytes > 0},
        sites=_floor_sites(samples),
        leak=leak,
        notes=(
            *notes,
            *_attribution_notes(samples, metrics.get(PEAK, 0)),
            *(_first_calls_note(samples, leak) if leak is not None and not is_fresh else ()),
        ),
        peak_doubt_bytes=lowest.harness_bytes if lowest is not None else 0,
        curve=_floor_curve(samples),
    )


def _floor_curve(samples: Sequence[Sample]) -> Curve | None:
    """Return the curve of the lowest sample; one over records is the test's own, and comes first."""
    found = [(one.highest_peak_bytes, one.curve) for one in samples if one.curve is not None]
    return min(found, key=lambda pair: (pair[1].unit != RECORDS, pair[0]), default=(0, None))[1]


_LOST_FRAMES = (
    "memray lost frames of its stack, since the test set a profile function, or, on CPython 3.11, a "
    "coroutine swallowed a cancellation: what pytest and its plugins held is counted, too, and lines may be "
    "missing"
)


def _attribution_notes(samples: Sequence[Sample], peak_bytes: int) -> tuple[str, ...]:
    """Say that it is not known whose memory it was, or whose was left out where that was most of it."""
    if any(sample.has_lost_frames for sample in samples):
        return (_LOST_FRAMES,)
    if background := sorted({place for sample in samples for place in sample.background}):
        places = ", ".join(background)
        return (f"left out: memory of {places}, where a thread allocates between tests, too",)
    left_out = max((sample.left_out_bytes for sample in samples), key=_total_bytes, default={})
    if _total_bytes(left_out) <= max(peak_bytes, DEFAULT_TOLERANCE.absolute_bytes):
        return ()
    names = sorted(left_out, key=lambda name: -left_out[name])
    listed = ", ".join(f'"{name}"' for name in names)
    note = (
        f"most of its memory is left out: {format_size(_total_bytes(left_out))} held by {', '.join(names)}; "
        f"if that is part of the program, set include = [{listed}]"
    )
    return (note,)


_MUCH_AT_FIRST_BYTES = MIB


def _first_calls_note(samples: Sequence[Sample], leak: LeakFinding) -> tuple[str, ...]:
    """Say what the first calls left behind and the later ones, also those of the check, did not, if much.

    A leak check begins after them. No baseline can judge that: something shared, such as an import or a
    template, is paid by whichever test comes first.
    """
    retained = [sample.retained_bytes for sample in samples]
    in_check = leak.bytes_per_call if leak.leaking else leak.settled_bytes // max(1, leak.calls)
    at_first = sum(retained) - len(retained) * min([*retained, in_check])
    if at_first < _MUCH_AT_FIRST_BYTES:
        return ()
    note = (
        f"its first calls left {format_size(at_first)} behind, which later ones do not: a cache that is full "
        "at once, or an import; settled leaves it out, fresh=True judges it"
    )
    return (note,)


def _total_bytes(by_name: Mapping[str, int]) -> int:
    return sum(by_name.values())


def _figures(samples: Sequence[Sample], name: str) -> list[int]:
    """Return a metric of those samples that have it."""
    return [sample.metrics[name] for sample in samples if name in sample.metrics]


def _highest(samples: Sequence[Sample], name: str) -> list[int]:
    """Return the most that a metric can have been in those samples that have it."""
    return [sample.highest_peak_bytes for sample in samples] if name == PEAK else _figures(samples, name)


def _floor_sites(samples: Sequence[Sample]) -> tuple[SiteBytes, ...]:
    """Take each site's peak from the sample with the lowest peak, what it retained from the lowest there."""
    if not samples:
        return ()
    by_peak = min(samples, key=lambda sample: sample.highest_peak_bytes)
    by_retained = min(samples, key=lambda sample: sample.retained_bytes)
    if by_peak is by_retained:
        return by_peak.sites
    peaks = {one.site: one for one in by_peak.sites}
    retained = {one.site: one for one in by_retained.sites}
    return tuple(
        SiteBytes(
            site=site,
            peak_bytes=peaks[site].peak_bytes if site in peaks else 0,
            retained_bytes=retained[site].retained_bytes if site in retained else 0,
            inner=(peaks.get(site) or retained[site]).inner,
            threads=peaks[site].threads if site in peaks else 1,
            met=peaks[site].met if site in peaks else None,
        )
        for site in {**peaks, **retained}
    )
