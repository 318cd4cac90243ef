"""Joins the samples of a test into one measurement, with what must be said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.metrics import METRICS, PEAK
from pytest_memguard.core.sample import RECORDS, Curve, Sample
from pytest_memguard.core.sites import SiteBytes
from pytest_memguard.core.tolerance import DEFAULT_TOLERANCE
from pytest_memguard.core.units import MIB, format_size
from pytest_memguard.gate.noise import without_paid_once

_SAMPLED = tuple(metric.name for metric in METRICS.values() if metric.from_samples)
VARYING = tuple(name for name in _SAMPLED if METRICS[name].is_gated)
"""The metrics of samples whose spread goes into an entry."""


def measurement_of(
    samples: Sequence[Sample],
    *,
    meter: str,
    leak: LeakFinding | None = None,
    notes: tuple[str, ...] = (),
    is_fresh: bool = False,
    has_exact_peak: bool = False,
) -> Measurement:
    """Join samples, in the order in which they were taken, and the leak check's finding.

    `is_fresh` says that each sample is from an interpreter of its own, so that all of them are first calls.
    With `has_exact_peak` the peak is that of the lowest exact sample, although that of another, of which
    less is known, was lower.
    """
    by_peak = exact_ones(samples) if has_exact_peak else samples
    lowest = min(by_peak, key=lambda sample: sample.highest_peak_bytes, default=None)
    metrics = {name: min(figures) for name in _SAMPLED if (figures := figures_of(samples, name))}
    if lowest is not None:
        metrics[PEAK] = lowest.peak_bytes
    warm, cold = samples[1:], samples[:1]
    varying = {name: without_paid_once(figures_of(warm, name)) for name in VARYING if warm}
    spread = {name: max(figures) - metrics[name] for name, figures in varying.items()}
    first = {name: max(figures_of(cold, name)) - metrics[name] for name in VARYING if cold}
    if leak is not None:
        metrics |= leak.metrics
        spread |= leak.spread
    return Measurement(
        meter=meter,
        samples=len(samples),
        metrics=metrics,
        spread={name: size_bytes for name, size_bytes in spread.items() if size_bytes > 0},
        first_cost={name: size_bytes for name, size_bytes in first.items() if size_bytes > 0},
        sites=_floor_sites(samples, lowest),
        leak=leak,
        notes=(
            *notes,
            *_attribution_notes(samples, metrics.get(PEAK, 0)),
            *(_first_calls_note(samples, leak) if leak is not None and not is_fresh else ()),
        ),
        peak_doubt_bytes=lowest.harness_bytes if lowest is not None else 0,
        curve=_floor_curve(by_peak),
    )


def exact_ones(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples whose peak is known to the byte."""
    return [sample for sample in samples if not sample.harness_bytes]


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


def figures_of(samples: Sequence[Sample], name: str) -> list[int]:
    """Return a metric of those samples that have it."""
    return [sample.metrics[name] for sample in samples if name in sample.metrics]


def highest_of(samples: Sequence[Sample], name: str) -> list[int]:
    """Return the most that a metric can have been in those samples that have it."""
    return [sample.highest_peak_bytes for sample in samples] if name == PEAK else figures_of(samples, name)


def _floor_sites(samples: Sequence[Sample], by_peak: Sample | None) -> tuple[SiteBytes, ...]:
    """Take each site's peak from the sample with the lowest peak, what it retained from the lowest there."""
    if by_peak is None:
        return ()
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
