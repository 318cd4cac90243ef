"""When a test is measured again, and what its samples say together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sample import Sample
from pytest_memguard.core.sites import Site, SiteBytes
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.gate.confirm import (
    CONFIRMING_SAMPLES,
    CONFIRMING_SAMPLES_AT_MOST,
    NEW_SAMPLES,
    NEW_SAMPLES_AT_MOST,
    counts_allocations,
    wants_another,
)
from pytest_memguard.gate.joined_samples import measurement_of
from pytest_memguard.gate.judge import certain, judge
from pytest_memguard.gate.noise import ENOUGH_WARM
from tests.unit.made_samples import sample

SAMPLES = st.lists(
    st.builds(sample, st.integers(0, 2**30), st.integers(0, 2**30), st.integers(0, 10**6)),
    min_size=1,
    max_size=5,
)


def take(figures: list[int], entry: Entry | None) -> tuple[int, Outcome]:
    """Take samples of these peaks while more are wanted; return how many, and the verdict's outcome."""
    samples: list[Sample] = []
    for peak in figures:
        samples.append(sample(peak, 0, 0))
        verdict = judge(measurement_of(samples, meter="memray"), entry, Policy())
        if not wants_another(samples, verdict, Policy(), is_counted=False):
            return len(samples), verdict.outcome
    raise AssertionError("more samples were wanted than there are")


@pytest.mark.parametrize(
    ("figures", "was", "taken", "outcome"),
    [
        ([100_000], 100_000, 1, Outcome.OK),
        ([200_000, 100_000], 100_000, 2, Outcome.OK),
        ([300_000, 200_000, 100_000], 100_000, 3, Outcome.OK),
        ([200_000, 200_000, 200_000], 100_000, 3, Outcome.GREW),
        ([50_000, 50_000], 100_000, 2, Outcome.IMPROVED),
        ([100_000, 100_000], None, 2, Outcome.NEW),
        ([900_000, 100_000, 100_000], None, 3, Outcome.NEW),
        ([100_000, 900_000, 100_000, 900_000, 100_000], None, 5, Outcome.NEW),
        ([100_000, 900_000, *[100_000] * 6], None, 8, Outcome.NEW),
        ([100_000, 900_000, *[100_000] * 4, 900_000], None, 7, Outcome.NEW),
        ([100_000, 120_000, *[100_000] * 3], None, 5, Outcome.NEW),
    ],
)
def test_samples_are_taken_while_the_verdict_cannot_stand(
    figures: list[int], was: int | None, taken: int, outcome: Outcome
) -> None:
    entry = None if was is None else Entry({"peak": was, "retained": 0})
    assert take(figures, entry) == (taken, outcome)


def test_a_peak_in_doubt_is_looked_at_once_more() -> None:
    accepted, policy = Entry({"peak": 100_000, "retained": 0}), Policy()
    samples = [sample(90_000, 0, harness_bytes=20_000)]
    _, verdict = judged(samples, accepted)
    assert (verdict.outcome, verdict.is_in_doubt) == (Outcome.OK, False)
    samples = [sample(90_000, 0, harness_bytes=40_000)]
    _, verdict = judged(samples, accepted)
    assert (verdict.outcome, verdict.is_in_doubt) == (Outcome.OK, True)
    assert wants_another(samples, verdict, policy, is_counted=False)
    assert counts_allocations(samples, verdict, policy, seconds=60)
    samples.append(sample(128_000, 0, 7))
    measurement, verdict = judged(samples, accepted)
    assert (verdict.outcome, verdict.is_in_doubt) == (Outcome.GREW, False)
    assert measurement.metrics["peak"] == 128_000


@pytest.mark.parametrize("cold", [1, 2])
def test_doubt_behind_samples_of_sure_growth_is_looked_at_too(cold: int) -> None:
    accepted, policy = Entry({"peak": 42_000, "retained": 0}), Policy()
    samples = [*[sample(240_000, 0, harness_bytes=5_000)] * cold, sample(42_000, 0, harness_bytes=25_000)]
    _, verdict = judged(samples, accepted)
    assert verdict.is_in_doubt
    assert wants_another(samples, verdict, policy, is_counted=False)
    assert counts_allocations(samples, verdict, policy, seconds=60)
    assert not wants_another(samples, verdict, policy, is_counted=True)


@pytest.mark.parametrize("was", [None, 400_000])
def test_no_doubt_becomes_the_accepted_peak(was: int | None) -> None:
    entry = None if was is None else Entry({"peak": was, "retained": 0})
    samples = [sample(90_000, 0, harness_bytes=8_000)]
    assert not judged(samples, entry)[1].is_in_doubt
    samples = [sample(90_000, 0, harness_bytes=9_000)]
    assert judged(samples, entry)[1].is_in_doubt


@pytest.mark.parametrize(
    ("sample", "was", "outcome"),
    [
        (sample(90_000, 0, harness_bytes=90_000), 100_000, Outcome.NOT_MEASURED),
        (sample(90_000, 0, harness_bytes=90_000), None, Outcome.NOT_MEASURED),
        (sample(0, 0, harness_bytes=90_000), 400_000, Outcome.NOT_MEASURED),
        (sample(90_000, 0, harness_bytes=20_000), 100_000, Outcome.OK),
        (sample(190_000, 0, harness_bytes=90_000), 100_000, Outcome.GREW),
        (sample(90_000, 90_000, harness_bytes=90_000), 100_000, Outcome.GREW),
    ],
)
def test_a_verdict_stands_where_it_is_the_same_at_both_ends_of_the_doubt(
    sample: Sample, was: int | None, outcome: Outcome
) -> None:
    measurement, verdict = judged([sample], None if was is None else Entry({"peak": was, "retained": 0}))
    verdict = certain(verdict, measurement)
    assert verdict.outcome is outcome
    assert not measurement.spread
    if outcome is Outcome.NOT_MEASURED:
        assert verdict.reason.startswith("the peak is not certain: it is between ")


def test_what_is_compared_with_an_exact_peak_is_exact_too() -> None:
    samples = [sample(90_000, 0, harness_bytes=90_000), sample(160_000, 0, 7)]
    _, verdict = judged(samples, Entry({"peak": 100_000, "retained": 0}))
    assert (verdict.outcome, verdict.is_in_doubt) == (Outcome.GREW, False)
    assert counts_allocations(samples, verdict, Policy(), seconds=60)


def judged(samples: list[Sample], entry: Entry | None) -> tuple[Measurement, Verdict]:
    measurement = measurement_of(samples, meter="memray")
    return measurement, judge(measurement, entry, Policy())


@given(
    st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 2**20), st.booleans()), min_size=1, max_size=5)
)
def test_the_true_floor_is_inside_what_is_said_about_it(parts: list[tuple[int, int, bool]]) -> None:
    samples = [sample(low, 0, harness_bytes=0 if exact else above) for low, above, exact in parts]
    measurement = measurement_of(samples, meter="memray")
    assert measurement.metrics["peak"] + measurement.peak_doubt_bytes == min(
        sample.highest_peak_bytes for sample in samples
    )


@given(SAMPLES, st.sampled_from(Outcome))
def test_no_outcome_wants_samples_without_end(samples: list[Sample], outcome: Outcome) -> None:
    confirmed = (Outcome.GREW, Outcome.CREPT, Outcome.OVER_LIMIT)
    least = dict.fromkeys(confirmed, CONFIRMING_SAMPLES)
    least |= dict.fromkeys((Outcome.IMPROVED, Outcome.NEW, Outcome.NO_BASELINE), NEW_SAMPLES)
    most = dict.fromkeys(confirmed, CONFIRMING_SAMPLES_AT_MOST)
    most |= dict.fromkeys((Outcome.IMPROVED, Outcome.NEW, Outcome.NO_BASELINE), NEW_SAMPLES_AT_MOST)
    if wants_another(samples, Verdict(outcome, ""), Policy(), is_counted=False):
        assert len(samples) < most[outcome] or (outcome in most and len(samples) <= ENOUGH_WARM)
    else:
        assert len(samples) >= least.get(outcome, 0)


@pytest.mark.parametrize(
    ("outcome", "peaks", "more"),
    [
        (Outcome.NEW, [270_000, 201_000], True),
        (Outcome.NEW, [270_000, 201_000, 201_000], False),
        (Outcome.NEW, [270_000, 201_000, 200_300], True),
        (Outcome.IMPROVED, [201_000, 201_000], False),
        (Outcome.IMPROVED, [202_000, 201_000], True),
        (Outcome.GREW, [270_000, 224_000], True),
        (Outcome.GREW, [270_000, 224_000, 224_000], False),
        (Outcome.GREW, [270_000, 224_000, 222_000], True),
        (Outcome.GREW, [270_000, 224_000, 222_000, 225_000, 223_000, 226_000], False),
        (Outcome.OK, [270_000], False),
    ],
)
def test_a_test_that_varies_is_sampled_more_often(outcome: Outcome, peaks: list[int], *, more: bool) -> None:
    samples = [sample(peak, 0) for peak in peaks]
    assert wants_another(samples, Verdict(outcome, ""), Policy(), is_counted=False) is more


@given(SAMPLES)
def test_the_floor_is_judged_and_what_varies_is_kept(samples: list[Sample]) -> None:
    measurement = measurement_of(samples, meter="memray", notes=("said",))
    peaks = [sample.peak_bytes for sample in samples]
    assert measurement.samples == len(samples)
    assert measurement.metrics["peak"] == min(peaks)
    assert measurement.first_cost.get("peak", 0) == peaks[0] - min(peaks)
    assert measurement.spread.get("peak", 0) == (max(peaks[1:]) - min(peaks) if len(peaks) > 1 else 0)
    assert measurement.notes == ("said",)


def test_what_one_warm_sample_of_many_paid_is_no_noise() -> None:
    once = [sample(peak, peak) for peak in (100_000, 100_200, 100_100, 2_100_000, *[100_000] * 4)]
    assert measurement_of(once, meter="memray").spread == {"peak": 200, "retained": 200}
    for varying in (once[:-1], [*once[:-1], sample(1_900_000, 1_900_000)]):
        assert measurement_of(varying, meter="memray").spread == {"peak": 2_000_000, "retained": 2_000_000}


@given(SAMPLES, st.randoms())
def test_the_order_of_samples_changes_no_floor(samples: list[Sample], random: Any) -> None:
    shuffled = random.sample(samples, len(samples))
    floors = [measurement_of(each, meter="memray").metrics for each in (samples, shuffled)]
    assert {name: floors[0][name] for name in ("peak", "retained")} == {
        name: floors[1][name] for name in ("peak", "retained")
    }


def test_sites_come_from_the_samples_that_are_the_floor() -> None:
    here, there = Site("a.py", 1, "f"), Site("b.py", 2, "g")
    cold = sample(900, 10, 0, (SiteBytes(here, 900, 10), SiteBytes(there, 50, 0)))
    warm = sample(100, 70, 0, (SiteBytes(here, 100, 70),))
    sites = {
        one.site: (one.peak_bytes, one.retained_bytes)
        for one in measurement_of([cold, warm], meter="memray").sites
    }
    assert sites == {here: (100, 10), there: (0, 0)}


def test_a_leak_check_adds_what_the_body_settled_at() -> None:
    finding = LeakFinding(leaking=False, bytes_per_call=3, calls=10, settled_bytes=500)
    metrics = measurement_of([sample(1, 2, 3)], meter="memray", leak=finding).metrics
    assert (metrics["settled"], metrics["leak_per_call"]) == (500, 0)
    leaking = LeakFinding(leaking=True, bytes_per_call=3, calls=10)
    assert measurement_of([], meter="memray", leak=leaking).metrics["leak_per_call"] == 3
