"""The loop that confirms what a first execution measured."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sample import Sample
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.gate.confirm import CONFIRMING_SAMPLES_AT_MOST, wants_another
from pytest_memguard.gate.joined_samples import measurement_of
from pytest_memguard.gate.judge import judge
from pytest_memguard.guard.confirming import Execution, NotConfirmedError, confirm
from pytest_memguard.guard.sampled import Sampled
from tests.unit.made_samples import sample

POLICY = Policy()
PEAKS = st.integers(0, 10**6)


def verdict(_name: str, samples: Sequence[Sample]) -> Verdict:
    entry = Entry({"peak": 100_000, "retained": 0})
    return judge(measurement_of(samples, meter="memray"), entry, POLICY)


@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), PEAKS), min_size=CONFIRMING_SAMPLES_AT_MOST),
    st.integers(0, CONFIRMING_SAMPLES_AT_MOST),
)
def test_every_part_gets_the_samples_that_its_own_verdict_needs(
    executions: list[dict[str, int]], possible: int
) -> None:
    """`possible` is how many executions succeed after the first one."""
    taken = -1

    def take(_counted: bool) -> Execution:
        nonlocal taken
        if taken == possible or taken + 1 == len(executions):
            raise NotConfirmedError("it is used up")
        taken += 1
        return {name: sample(peak, 0) for name, peak in executions[taken].items()}

    confirmed = confirm(take, verdict, POLICY, Sampled())
    assert set(confirmed) == set(executions[0])
    for name, one in confirmed.items():
        peaks = [sample.peak_bytes for sample in one.samples]
        assert peaks == [each[name] for each in executions[: len(peaks)]]
        is_left_out = len(peaks) <= taken
        wanting = wants_another(one.samples, verdict(name, one.samples), POLICY, is_counted=False)
        assert bool(one.notes) == (wanting and not is_left_out)
        if one.notes:
            samples = "1 sample" if len(peaks) == 1 else f"{len(peaks)} samples"
            assert one.notes == (f"confirmed by only {samples}: it is used up",)


def test_allocations_are_counted_where_one_part_asks_for_it() -> None:
    asked = []
    peaks = {"a": 100_000, "b": 200_000}

    def take(counted: bool) -> Execution:
        asked.append(counted)
        allocations = 1 if counted else None
        return {name: sample(peak, 0, allocations) for name, peak in peaks.items()}

    confirm(take, verdict, POLICY, Sampled())
    assert asked == [False, False, True]


def test_a_first_execution_that_gives_no_samples_goes_on_up() -> None:
    def take(_counted: bool) -> Execution:
        raise NotConfirmedError("it is used up")

    with pytest.raises(NotConfirmedError, match="it is used up"):
        confirm(take, verdict, POLICY, Sampled())
