"""Executes a test until the verdict on the floor of its samples can stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sample import Sample
from pytest_memguard.core.units import counted
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.gate.confirm import counts_allocations, may_end_in_entry, wants_another
from pytest_memguard.guard.rerun import TEST_ERRORS, CannotRunAgainError, Rerunner
from pytest_memguard.guard.sampled import Sampled
from pytest_memguard.guard.silenced import let_go, quietly
from pytest_memguard.meters import MeterError

Execution = Mapping[str, Sample]
"""What one execution of a test measured, by the id of the test or of its region."""


class NotConfirmedError(Exception):
    """A further execution that gave no samples; the sentence says why."""


@dataclass(slots=True)
class Confirmed:
    """The samples that one verdict rests on, and what is to be said about them."""

    samples: list[Sample] = field(default_factory=list)
    notes: tuple[str, ...] = ()


def confirm(
    take: Callable[[bool], Execution],
    judge: Callable[[str, Sequence[Sample]], Verdict],
    policy: Policy,
    sampled: Sampled,
    *,
    is_counted: bool = False,
) -> dict[str, Confirmed]:
    """Execute a test once, and again until no verdict on what it measured needs another sample.

    `take` executes it, counting allocations if it is asked to, and raises `NotConfirmedError` where a
    further execution gives no samples; `is_counted` is what the first one is asked. What an execution did
    not measure again, such as a region that runs the first time only, is judged on the samples it has.
    """
    confirmed: dict[str, Confirmed] = {}
    measured: dict[str, list[Sample]] = {}
    wanting: dict[str, Verdict] = {}
    is_counted = is_counted or bool(policy.counted)
    while True:
        try:
            # Every sample is taken from here: a test that keeps tracebacks, as asyncio does in its debug
            # mode, keeps the lines of the frames above it as well.
            execution = take(is_counted)
        except NotConfirmedError as error:
            if not confirmed:
                raise
            for name in wanting:
                confirmed[name].notes = (_unconfirmed(len(confirmed[name].samples), str(error)),)
            return confirmed
        if not confirmed:
            confirmed = {name: Confirmed() for name in execution}
            measured = {name: one.samples for name, one in confirmed.items()}
        measured = {name: samples for name, samples in measured.items() if name in execution}
        for name, samples in measured.items():
            samples.append(execution[name])
        wanting = _wanting(measured, judge, policy, is_counted=is_counted)
        if not wanting:
            return confirmed
        is_counted = any(
            counts_allocations(measured[name], verdict, policy, seconds=sampled.seconds)
            for name, verdict in wanting.items()
        )


def with_peak_lines(
    confirmed: Mapping[str, Confirmed],
    take: Callable[[Mapping[str, Sample]], Execution],
    judge: Callable[[str, Sequence[Sample]], Verdict],
) -> dict[str, Confirmed]:
    """Name the lines behind peaks by one more execution, for a meter whose samples do not name them.

    `take` executes the test once more, looking on where the peaks of these samples come near.
    """
    lowest = {
        name: min(one.samples, key=lambda sample: sample.highest_peak_bytes)
        for name, one in confirmed.items()
        if one.samples and may_end_in_entry(judge(name, one.samples))
    }
    watched: Execution = {}
    reason = "one more run did not reach that peak"
    try:
        watched = take(lowest) if lowest else {}
    except NotConfirmedError as error:
        reason = str(error)
    lines = {
        name: replace(sample, sites=watched[name].sites) for name, sample in lowest.items() if name in watched
    }
    unknown = f"the lines behind its peak are not known: {reason}"
    return {
        name: Confirmed(
            [lines.get(name, sample) if sample is lowest.get(name) else sample for sample in one.samples],
            (*one.notes, unknown) if name in lowest.keys() - lines.keys() else one.notes,
        )
        for name, one in confirmed.items()
    }


def _wanting(
    measured: Mapping[str, list[Sample]],
    judge: Callable[[str, Sequence[Sample]], Verdict],
    policy: Policy,
    *,
    is_counted: bool,
) -> dict[str, Verdict]:
    """Return the verdict on each part that needs another sample."""
    verdicts = {name: judge(name, samples) for name, samples in measured.items()}
    return {
        name: verdict
        for name, verdict in verdicts.items()
        if wants_another(measured[name], verdict, policy, is_counted=is_counted)
    }


def _unconfirmed(number: int, reason: str) -> str:
    return f"confirmed by only {counted(number, 'sample')}: {reason}"


@contextmanager
def further_execution(item: pytest.Item, rerunner: Rerunner, policy: Policy) -> Iterator[None]:
    """Run the block as a further execution of an item: without a trace, and with fresh fixtures.

    Raises `NotConfirmedError` where something keeps it from that. With several threads an error of the
    test is what they were asked to shake out, and goes on up as itself.
    """
    with quietly(item):
        try:
            with rerunner.fresh(renews=not policy.fixtures):
                yield
        except (CannotRunAgainError, MeterError) as error:
            if policy.at_once > 1 and isinstance(error.__cause__, TEST_ERRORS):
                raise error.__cause__ from None
            let_go(error)
            raise NotConfirmedError(str(error)) from None
