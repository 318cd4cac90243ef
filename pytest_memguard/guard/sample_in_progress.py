"""A sample while it is taken: what the meter records, and which children of the test are missing from it."""

from __future__ import annotations

import gc
from dataclasses import dataclass

from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sample import Sample
from pytest_memguard.gate.confirm import most_records
from pytest_memguard.guard.children import ChildWatch
from pytest_memguard.meters import Meter, SampleOptions
from pytest_memguard.meters.stack_room import fill_free_frames


@dataclass(frozen=True, slots=True)
class Taken:
    """A sample, and why it cannot be judged, if so; `notes` are to be said beside its figures."""

    sample: Sample
    refusal: str = ""
    notes: tuple[str, ...] = ()


class SampleInProgress:
    """One sample, taken by the policy of its test; for `counted` and `near_bytes` see `SampleOptions`."""

    def __init__(self, meter: Meter, policy: Policy, *, counted: bool, near_bytes: int | None = None) -> None:
        options = SampleOptions(policy.native, policy.children, counted, most_records(policy), near_bytes)
        self._recording = meter.recording(options)
        self._children = ChildWatch(are_counted=policy.children, by=meter)
        self._needs_children = policy.children
        self._has_threads = policy.threads > 1

    def begin(self) -> None:
        """Collect garbage, and start; `MeterError` where the meter cannot."""
        gc.collect()
        if self._has_threads:
            fill_free_frames()
        self._recording.__enter__()
        self._children.begin()

    def end(self) -> None:
        """Stop, whatever happened."""
        self._children.end()
        self._recording.__exit__(None, None, None)

    def look_beside(self) -> None:
        """Find out, once the test is over, which threads beside it allocate all the same, or `MeterError`."""
        self._recording.look_beside()

    def taken(self) -> Taken:
        """Return what was measured; `MeterError` where it cannot be read."""
        sample, missed = self._recording.sample(), self._children.missed()
        if missed and self._needs_children:
            return Taken(sample, refusal=missed)
        return Taken(sample, notes=(missed,) if missed else ())
