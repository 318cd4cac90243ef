"""The `memguard` fixture: measure a region of a test, or one call, as an entry of its own."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from pytest_memguard.meters import Meter, MeterError
from pytest_memguard.model import LeakFinding, Sample
from pytest_memguard.policy import Policy, overlay

LeakCheck = Callable[[Callable[[], object], Policy], LeakFinding]


BOOK = pytest.StashKey["RegionBook | None"]()
"""What the `memguard` fixture writes to while its test is sampled by regions."""


class RegionBook:
    """What the regions of one execution of a test came to."""

    def __init__(self, meter: Meter, policy: Policy, check: LeakCheck, *, counted: bool) -> None:
        self.samples: dict[str, Sample] = {}
        self.findings: dict[str, LeakFinding] = {}
        self.unmeasured: dict[str, str] = {}
        self.policies: dict[str, Policy] = {}
        self._meter = meter
        self.policy = policy
        self._check = check
        self._counted = counted
        self._inside: str | None = None

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Measure the block; of several runs of one region in a test, the largest figures count."""
        if self._inside is not None:
            self.unmeasured[name] = (
                f"it ran inside the region {self._inside!r}, and one tracker measures one region"
            )
            yield
            return
        recording = self._meter.recording(
            native=self.policy.native, children=self.policy.children, counted=self._counted
        )
        gc.collect()
        try:
            recording.__enter__()
        except MeterError as error:
            self.unmeasured[name] = str(error)
            yield
            return
        self._inside = name
        try:
            yield
        finally:
            self._inside = None
            recording.__exit__(None, None, None)
        try:
            self._keep(name, recording.sample())
        except MeterError as error:
            self.unmeasured[name] = str(error)

    def _keep(self, name: str, sample: Sample) -> None:
        before = self.samples.get(name)
        self.samples[name] = sample if before is None else _largest(before, sample)

    def check_leaks(self, body: Callable[[], object], name: str, written: Mapping[str, object]) -> None:
        """Repeat a call and keep what the leak check finds."""
        policy = overlay(self.policy, written)
        self.findings[name] = self._check(body, policy)
        self.policies[name] = policy


def _largest(one: Sample, other: Sample) -> Sample:
    larger = one if one.peak_bytes >= other.peak_bytes else other
    return Sample(
        peak_bytes=larger.peak_bytes,
        retained_bytes=max(one.retained_bytes, other.retained_bytes),
        allocations=max(one.allocations or 0, other.allocations or 0) or None,
        sites=larger.sites,
    )


class MemguardFixture:
    """Measures regions of the test that asked for it; without `--memguard` it does nothing."""

    def __init__(self, book: Callable[[], RegionBook | None]) -> None:
        self._book = book

    def measure(self, name: str) -> AbstractContextManager[None]:
        """Measure the block as the entry `test::name`."""
        book = self._book()
        return nullcontext() if book is None else Region(book, name)

    def check_leaks(self, body: Callable[[], object], name: str = "leaks", **written: object) -> None:
        """Repeat `body` and fail the test if memory keeps growing with every call.

        The entry is `test::name`. Further arguments are those of the marker (`threads`,
        `max_leak_per_call`, `leak_budget`, `leak_ceiling`). Without `--memguard` the body is
        called once, so that the test exercises it all the same.
        """
        book = self._book()
        if book is None:
            body()
            return
        book.check_leaks(body, name, written)


def book_of(stash: pytest.Stash) -> RegionBook | None:
    """Return the book of the execution that is going on, if its regions are measured."""
    return stash.get(BOOK, None)
