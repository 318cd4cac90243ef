"""The `memguard` fixture: measure a region of a test, or one call, as an entry of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from types import TracebackType

import pytest

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.leak_finding import Answer, LeakFinding
from pytest_memguard.core.policy import Policy, overlay
from pytest_memguard.core.sample import Sample, largest
from pytest_memguard.core.unpatched import Unpatched, is_raised_by_test
from pytest_memguard.guard.own_errors import own_error
from pytest_memguard.guard.sample_in_progress import SampleInProgress, Taken
from pytest_memguard.meters import Meter, MeterError

LeakCheck = Callable[[Callable[[], object], Policy, str], LeakFinding]


BOOK = pytest.StashKey["RegionBook | None"]()
"""What the `memguard` fixture writes to while its test is sampled by regions."""


class RegionBook:
    """The samples and findings of the regions of one execution of a test.

    Without a `check`, calls are made and not checked. With a `refusal`, the reason, no region is measured.
    `near_bytes` says for a region near which peak its meter is to look on, if at all.
    """

    def __init__(
        self,
        meter: Meter,
        policy: Policy,
        check: LeakCheck | None,
        *,
        counted: bool,
        refusal: str = "",
        near_bytes: Callable[[str], int | None] = lambda _name: None,
    ) -> None:
        self.samples: dict[str, Sample] = {}
        self.findings: dict[str, LeakFinding] = {}
        self.unmeasured: dict[str, str] = {}
        self.notes: dict[str, tuple[str, ...]] = {}
        self.policies: dict[str, Policy] = {}
        self._meter = meter
        self.policy = policy
        self._check = check
        self._counted = counted
        self._refusal = refusal
        self._near_bytes = near_bytes
        self._inside: str | None = None
        self._last: SampleInProgress | None = None

    def enter(self, name: str) -> SampleInProgress | None:
        """Start to measure a region; None where it cannot be, with the reason kept."""
        if self._refusal:
            self.unmeasured[name] = self._refusal
            return None
        if self._inside is not None:
            self.unmeasured[name] = f"regions cannot be nested, and it ran inside the region {self._inside!r}"
            return None
        try:
            with Unpatched():
                sample = SampleInProgress(
                    self._meter, self.policy, counted=self._counted, near_bytes=self._near_bytes(name)
                )
                sample.begin()
        except Exception as error:  # noqa: BLE001 - the test has raised nothing here
            self.unmeasured[name] = own_error(error)
            return None
        self._inside = name
        return sample

    def leave(self, name: str, sample: SampleInProgress) -> None:
        """Stop; of several runs of one region in a test, the largest figures count."""
        self._inside = None
        try:
            with Unpatched():
                self._last = sample
                sample.end()
                self._keep(name, sample.taken())
        except Exception as error:  # noqa: BLE001 - the test has raised nothing here
            self.unmeasured[name] = own_error(error)

    def close(self) -> None:
        """End with the test, whose threads beside it can be looked at now."""
        if self._last is not None:
            with suppress(MeterError):
                self._last.look_beside()

    def _keep(self, name: str, taken: Taken) -> None:
        before = self.samples.get(name)
        self.samples[name] = taken.sample if before is None else largest(before, taken.sample)
        if taken.refusal:
            self.unmeasured[name] = taken.refusal
        if taken.notes:
            self.notes[name] = taken.notes

    def check_leaks(self, body: Callable[[], object], name: str, written: Mapping[str, object]) -> None:
        """Repeat a call and keep what the check finds; of several under one name, the worst counts."""
        try:
            policy = overlay(self.policy, written)
        except MemguardError as error:
            pytest.fail(f"memguard.check_leaks: {error}", pytrace=False)
        if self._check is None:
            body()
            return
        try:
            with Unpatched():
                finding = self._check(body, policy, name)
        except Exception as error:
            if is_raised_by_test(error):
                raise
            self.unmeasured[name] = own_error(error)
            return
        if name not in self.findings or _badness(finding) > _badness(self.findings[name]):
            self.findings[name] = finding
            self.policies[name] = policy


def _badness(finding: LeakFinding) -> tuple[float, ...]:
    counted = sum(count.per_call for count in finding.counts)
    return (
        finding.leaking,
        finding.bytes_per_call,
        counted,
        finding.answer is Answer.CANNOT_TELL,
        finding.settled_bytes,
    )


class Region:
    """One run of a region; a class, since what `contextlib` allocates would count as the test's."""

    __slots__ = ("_book", "_name", "_sample")

    def __init__(self, book: RegionBook, name: str) -> None:
        self._book = book
        self._name = name
        self._sample: SampleInProgress | None = None

    def __enter__(self) -> None:
        """Start to measure."""
        self._sample = self._book.enter(self._name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever the block did."""
        if self._sample is not None:
            self._book.leave(self._name, self._sample)
            self._sample = None


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
        called once, so that the test exercises it nevertheless.
        """
        book = self._book()
        if book is None:
            body()
            return
        book.check_leaks(body, name, written)


def book_of(stash: pytest.Stash) -> RegionBook | None:
    """Return the book of the execution that is going on, if its regions are measured."""
    return stash.get(BOOK, None)
