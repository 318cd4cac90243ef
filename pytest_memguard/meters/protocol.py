"""What every meter offers, and the error it raises when it cannot measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.sample import Sample
from pytest_memguard.meters.site_namer import SiteNamer
from pytest_memguard.meters.stacks import Survivor


class MeterError(MemguardError):
    """A sample that could not be taken; the sentence becomes the reason of `not-measured`."""

    slug = "not-measured"


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """How a sample is taken: with `native` frames of extensions, with forked `children`.

    `counted` asks to look at each allocation; a sample of more than `at_most` records is read as if nobody
    had asked. A meter that `names_peaks` finds the sites of the peak in every sample. Another one finds them
    if it is told that the peak is `near_bytes`; such a sample is slower, and its figures must not be used.
    """

    native: bool = False
    children: bool = False
    counted: bool = False
    at_most: int | None = None
    near_bytes: int | None = None


PLAIN = SampleOptions()


class Recording(Protocol):
    """One sample being taken: a context manager whose `sample` can be read when it is closed."""

    def __enter__(self) -> Recording:  # noqa: PYI034 - a protocol of its own: what is entered is a Recording, no more
        """Start to measure; raises `MeterError` where that cannot be."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Collect garbage and stop, whatever happened."""

    def look_beside(self) -> None:
        """Find out, once the test is over, which threads beside it allocate all the same; or `MeterError`."""

    def sample(self) -> Sample:
        """Return what was measured; raises `MeterError` where the capture cannot be read."""


class Meter(Protocol):
    """Measures one thing at a time in this process, and in what it forks where it `follows_forks`.

    One that `sees_heap` counts what libraries written in C allocate, too.
    """

    name: str
    label: str
    counts_allocations: bool
    follows_forks: bool
    names_peaks: bool
    sees_heap: bool
    namer: SiteNamer

    def recording(self, options: SampleOptions = PLAIN) -> Recording:
        """Prepare one sample; a meter ignores an option that it has no means for."""

    def made_with(self) -> Mapping[str, str]:
        """Return the versions that the numbers depend on."""

    def survivors(self, body: Callable[[], None], *, native: bool = False) -> list[Survivor]:
        """Run `body` once, traced, and return what it allocated that outlived it, garbage collected.

        With `native`, stacks include frames of extensions, where the meter can.
        """

    def keep_last(self, destination: str, *, survivors: bool = False) -> bool:
        """Copy the capture of the last sample, or of the last survivors since; False where there is none."""

    def close(self) -> None:
        """Remove what the meter keeps on disk."""
