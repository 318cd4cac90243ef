"""Adds up the records of one sample: what is the test's, by source lines, and what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pytest_memguard.core.metrics import PEAK, RETAINED
from pytest_memguard.core.sample import Curve, Sample
from pytest_memguard.core.sites import Site, SiteBytes
from pytest_memguard.meters.harness import package_of
from pytest_memguard.meters.site_namer import UNKNOWN_SITE, SiteNamer
from pytest_memguard.meters.stacks import Frame

KEPT_SITES = 20
"""How many sites of the peak, and of what was retained, a sample carries along."""


@dataclass(slots=True)
class _Account:
    peak_bytes: int = 0
    retained_bytes: int = 0
    inner: dict[Site, int] = field(default_factory=dict)
    threads: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Charge:
    """Whose memory a stack allocates: the test's, at a site, or that of `left_out`, a file of the harness.

    `inner` is the library frame within the site, where that is another one.
    """

    site: Site = UNKNOWN_SITE
    inner: Site | None = None
    left_out: str | None = None


class Tally:
    """What the records of one sample come to; the frames it is given can be iterated again.

    Where the meter lost frames, what seems to be the harness' may be the test's, and counts as such. What
    the threads of the `background` allocate counts as the harness'.
    """

    def __init__(
        self, namer: SiteNamer, *, has_lost_frames: bool = False, background: frozenset[int] = frozenset()
    ) -> None:
        self._namer = namer
        self._has_lost_frames = has_lost_frames
        self._background = background
        self._accounts: dict[Site, _Account] = {}
        self._metrics = Counter({PEAK: 0, RETAINED: 0})
        self._harness_bytes = 0
        self._left_out: Counter[str] = Counter()
        self._curve: Curve | None = None
        self.is_of_ended_process = False

    @property
    def knows_threads(self) -> bool:
        """Whether it matters which thread allocated."""
        return bool(self._background)

    def owns(self, frames: Iterable[Frame], thread: int = 0) -> bool:
        """Say whether what these frames allocated in a thread is the test's."""
        if self._is_beside(thread):
            return False
        return self._has_lost_frames or self._namer.belongs_to_test(frames)

    def _is_beside(self, thread: int) -> bool:
        return thread in self._background and not self.is_of_ended_process

    def charge(self, frames: Iterable[Frame]) -> Charge:
        """Say whose memory these frames allocate, whatever the thread; to look at deep stacks takes time."""
        left_out = self._namer.left_out_by(frames)
        if left_out is None:
            site, inner = self._namer.site_of(frames)
            return Charge(site, inner)
        return Charge() if self._has_lost_frames else Charge(left_out=left_out)

    def add_peak(self, size_bytes: int, charge: Charge, thread: int = 0) -> None:
        """Count memory that was alive at the peak, and which thread had made it where that is known."""
        account = self._account(size_bytes, charge, thread)
        if account is not None:
            self._metrics[PEAK] += size_bytes
            account.peak_bytes += size_bytes
            account.threads.add(thread)
            return
        self._harness_bytes += size_bytes
        name = charge.left_out
        if name is not None and not self._namer.is_runner(name):
            self._left_out[package_of(name)] += size_bytes

    def add(self, metric: str, number: int) -> None:
        """Add to the figure of a metric; one to which nothing is ever added was not counted."""
        self._metrics[metric] += number

    def add_curve(self, curve: Curve | None) -> None:
        """Keep what the process of the test itself held on its way, the first that comes."""
        self._curve = self._curve or curve

    def add_retained(self, size_bytes: int, charge: Charge, thread: int = 0) -> None:
        """Count memory that outlived the sample; a process that has ended holds none."""
        if self.is_of_ended_process:
            return
        account = self._account(size_bytes, charge, thread)
        if account is not None:
            self._metrics[RETAINED] += size_bytes
            account.retained_bytes += size_bytes

    def _account(self, size_bytes: int, charge: Charge, thread: int) -> _Account | None:
        if size_bytes <= 0 or charge.left_out is not None or self._is_beside(thread):
            return None
        account = self._accounts.setdefault(charge.site, _Account())
        if charge.inner is not None:
            account.inner[charge.inner] = account.inner.get(charge.inner, 0) + size_bytes
        return account

    def sample(self) -> Sample:
        """Return the sample, with its largest sites."""
        by_peak = sorted(self._accounts.items(), key=lambda item: (-item[1].peak_bytes, item[0].at))
        by_retained = sorted(self._accounts.items(), key=lambda item: (-item[1].retained_bytes, item[0].at))
        kept = dict(by_peak[:KEPT_SITES] + by_retained[:KEPT_SITES])
        return Sample(
            metrics=dict(self._metrics),
            harness_bytes=self._harness_bytes,
            left_out_bytes=dict(self._left_out),
            has_lost_frames=self._has_lost_frames,
            curve=self._curve,
            sites=tuple(_site_bytes(site, account) for site, account in kept.items()),
        )


def _site_bytes(site: Site, account: _Account) -> SiteBytes:
    inner = max(account.inner, key=lambda place: account.inner[place], default=None)
    return SiteBytes(
        site=site,
        peak_bytes=account.peak_bytes,
        retained_bytes=account.retained_bytes,
        inner=inner,
        threads=max(1, len(account.threads)),
    )
