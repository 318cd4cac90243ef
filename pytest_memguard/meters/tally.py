"""Adds up the records of one sample by site, without the memory of the harness."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pytest_memguard.meters.sites import Frame, SiteNamer
from pytest_memguard.model import Sample, Site, SiteBytes

KEPT_SITES = 20
"""How many sites of the peak, and of what was retained, a sample carries along."""


@dataclass(slots=True)
class _Account:
    peak_bytes: int = 0
    retained_bytes: int = 0
    inner: dict[Site, int] = field(default_factory=dict)


class Tally:
    """What the records of one sample come to; the frames it is given can be iterated again."""

    def __init__(self, namer: SiteNamer) -> None:
        self._namer = namer
        self._accounts: dict[Site, _Account] = {}
        self._peak_bytes = 0
        self._harness_bytes = 0
        self._retained_bytes = 0
        self._allocations: int | None = None

    def owns(self, frames: Iterable[Frame]) -> bool:
        """Say whether what these frames allocated is the test's."""
        return self._namer.belongs_to_test(frames)

    def add_peak(self, size_bytes: int, frames: Iterable[Frame]) -> None:
        """Count memory that was alive at the peak."""
        account = self._account(size_bytes, frames)
        if account is not None:
            self._peak_bytes += size_bytes
            account.peak_bytes += size_bytes
        else:
            self._harness_bytes += size_bytes

    def add_allocations(self, number: int) -> None:
        """Count allocations, where each of them was looked at."""
        self._allocations = (self._allocations or 0) + number

    def add_retained(self, size_bytes: int, frames: Iterable[Frame]) -> None:
        """Count memory that outlived the sample."""
        account = self._account(size_bytes, frames)
        if account is not None:
            self._retained_bytes += size_bytes
            account.retained_bytes += size_bytes

    def _account(self, size_bytes: int, frames: Iterable[Frame]) -> _Account | None:
        if size_bytes <= 0 or not self._namer.belongs_to_test(frames):
            return None
        site, inner = self._namer.site_of(frames)
        account = self._accounts.setdefault(site, _Account())
        if inner is not None:
            account.inner[inner] = account.inner.get(inner, 0) + size_bytes
        return account

    def sample(self) -> Sample:
        """Return the sample, with its largest sites."""
        by_peak = sorted(self._accounts.items(), key=lambda item: (-item[1].peak_bytes, item[0].at))
        by_retained = sorted(self._accounts.items(), key=lambda item: (-item[1].retained_bytes, item[0].at))
        kept = dict(by_peak[:KEPT_SITES] + by_retained[:KEPT_SITES])
        return Sample(
            peak_bytes=self._peak_bytes,
            retained_bytes=self._retained_bytes,
            allocations=self._allocations,
            harness_bytes=self._harness_bytes,
            sites=tuple(_site_bytes(site, account) for site, account in kept.items()),
        )


def _site_bytes(site: Site, account: _Account) -> SiteBytes:
    inner = max(account.inner, key=lambda place: account.inner[place], default=None)
    return SiteBytes(
        site=site, peak_bytes=account.peak_bytes, retained_bytes=account.retained_bytes, inner=inner
    )
