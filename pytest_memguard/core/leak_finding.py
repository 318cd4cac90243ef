"""What a leak check shows: its answer and doubts, the rate of a leak, and who holds what grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from pytest_memguard.core.metrics import HEAP, LEAK_PER_CALL, SETTLED
from pytest_memguard.core.sites import Site, SiteBytes

_MOST_PER_1000_CALLS = 10**12


@dataclass(frozen=True, slots=True)
class CountGrowth:
    """Something beside bytes that grew with the calls, in one of `COUNTED_UNITS`; `site` leaves it behind."""

    unit: str
    per_call: float
    site: Site | None = None

    @property
    def per_1000_calls(self) -> int:
        """The rate as a baseline keeps it; results from elsewhere may hold any number."""
        return max(1, round(min(1000 * self.per_call, _MOST_PER_1000_CALLS)))


class Answer(str, Enum):
    """What the calls of a leak check show together."""

    LEAKS = "leaks"
    SETTLES = "settles"
    BOUNDED = "bounded"
    CANNOT_TELL = "cannot-tell"


class Doubt(str, Enum):
    """What keeps a leak check from an answer, or what its answer depends on."""

    NOT_REPEATABLE = "not-repeatable"
    TOO_FEW_CALLS = "too-few-calls"
    CUT_SHORT = "cut-short"
    STILL_FALLING = "still-falling"
    UNEVEN = "uneven"
    USED_UP = "used-up"
    CEILING = "ceiling"
    COULD_BE_CACHE = "could-be-cache"
    NO_HOLDER = "no-holder"
    OFFSET = "offset"
    FEW_CALLS = "few-calls"


_WITHOUT_ANSWER = frozenset(
    {
        Doubt.NOT_REPEATABLE,
        Doubt.TOO_FEW_CALLS,
        Doubt.CUT_SHORT,
        Doubt.STILL_FALLING,
        Doubt.UNEVEN,
        Doubt.NO_HOLDER,
        Doubt.OFFSET,
    }
)
"""With one of these doubts, it is not known whether a body that does not leak settles."""


@dataclass(frozen=True, slots=True)
class KnownGrowth:
    """What a known leak added to each call; the rate beside it does not include that.

    `entry` is the pattern of the project's own known leak, `reference` where a library's is described:
    each is empty for the other.
    """

    reason: str
    bytes_per_call: int
    entry: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """The bound of a holder that keeps filling: what it holds now, may hold at most, and takes then."""

    holder: str
    entries: int
    at_most: int
    settles_at_bytes: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What the body held after this many calls, over what was held before its first."""

    calls: int
    held_bytes: int


@dataclass(frozen=True, slots=True)
class KindGrowth:
    """How many objects of one type each call leaves behind, by the type's full name."""

    name: str
    per_call: float


@dataclass(frozen=True, slots=True)
class LeakFinding:
    """What repeating a body showed.

    `bytes_per_call` is zero where nothing keeps growing, and may differ by `doubt_bytes` in another
    run of the same code; `settled_bytes` is what the body holds after the last window over what
    was held before its first call. `signals` names
    what was read (`blocks`, `heap`, `rss`). `sites` hold bytes *per call* in
    `retained_bytes`; `held_by` is the chain of referrers, outermost holder first. `known` is growth
    of known leaks, which the rate leaves out.
    `is_accelerating` says that each call leaves more than the one before. `doubts` are reasons: why
    there is no answer where `leaking` is false, and what the answer depends on where it is true.
    `used_up` is the error with which the body ran out of something. `note` says what the
    explanation lacks. `bounds` are those of all that grows, where all of it has one:
    nothing leaks then, and `settled_bytes` is what it will settle at, to within `doubt_bytes`.
    `readings` are what the answer rests on, thinned; those from `judged_from_calls` on decide.
    `kinds` are the types of what its holder gains, classes first. `fingerprint` is the same for one leak
    in every test that shows it.
    `orders` are those of the turns of the threads that made the calls; empty if one thread made them.
    """

    leaking: bool
    bytes_per_call: int
    calls: int
    settled_bytes: int = 0
    counts: tuple[CountGrowth, ...] = ()
    signals: tuple[str, ...] = ()
    sites: tuple[SiteBytes, ...] = ()
    held_by: tuple[str, ...] = ()
    note: str = ""
    is_accelerating: bool = False
    doubt_bytes: int = 0
    known: tuple[KnownGrowth, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    used_up: str = ""
    bounds: tuple[Bound, ...] = ()
    orders: tuple[int, ...] = ()
    readings: tuple[Reading, ...] = ()
    judged_from_calls: int = 0
    kinds: tuple[KindGrowth, ...] = ()
    fingerprint: str = ""

    @property
    def metrics(self) -> Mapping[str, int]:
        """The figures of the check: the rate only where there is an answer."""
        settled = {SETTLED: self.settled_bytes}
        if self.answer is Answer.CANNOT_TELL:
            return settled
        return {**settled, LEAK_PER_CALL: self.bytes_per_call if self.leaking else 0}

    @property
    def spread(self) -> Mapping[str, int]:
        """How far the figures may be off."""
        return {
            LEAK_PER_CALL: self.doubt_bytes if self.leaking else 0,
            SETTLED: self.doubt_bytes if self.bounds else 0,
        }

    @property
    def knows_heap(self) -> bool:
        """Whether the C heap was read; resident memory stands for it elsewhere."""
        return HEAP in self.signals

    def with_note(self, note: str) -> LeakFinding:
        """Return the finding with one more note."""
        return replace(self, note="; ".join(filter(None, (self.note, note))))

    @property
    def answer(self) -> Answer:
        """What the calls show."""
        if self.leaking:
            return Answer.LEAKS
        if self.bounds:
            return Answer.BOUNDED
        return Answer.SETTLES if _WITHOUT_ANSWER.isdisjoint(self.doubts) else Answer.CANNOT_TELL
