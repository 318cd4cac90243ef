"""Samples, measurements, leak findings and baseline entries: frozen values with units in their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from pytest_memguard.core.metrics import HEAP, LEAK_PER_CALL, METRICS, PEAK, RETAINED, SETTLED


@dataclass(frozen=True, slots=True)
class Site:
    """A place in source that allocates.

    `file` is relative to the project for its own files, and starts at the package for
    installed ones (`json/decoder.py`).
    """

    file: str
    line: int
    function: str

    @property
    def at(self) -> str:
        """The name that survives edits elsewhere in the file, as baselines store it."""
        return f"{self.file}:{self.function}"


@dataclass(frozen=True, slots=True)
class Meeting:
    """Threads that stood between two lines of one function at once, and what each had allocated.

    They had come past `after`. `before_line` is 0 where they were about to return, and the line of `after`
    where they stood within it. If they `are_tasks`, they waited at `after`, and what each had allocated
    is not known.
    """

    threads: int
    each_bytes: int
    after: Site
    before_line: int
    are_tasks: bool = False


@dataclass(frozen=True, slots=True)
class SiteBytes:
    """What one site held at the peak, and still held when the sample had ended.

    `inner` is the library's own place, where the site called into a package that allocated. One that
    `is_inner` is such a place by itself: its bytes are in those of the sites that call it, too. `threads`
    is how many threads had made what it held at the peak; `met` where they had come to with it.
    """

    site: Site
    peak_bytes: int = 0
    retained_bytes: int = 0
    inner: Site | None = None
    is_inner: bool = False
    threads: int = 1
    met: Meeting | None = None


TIME = "ms"
RECORDS = "records"
CURVE_UNITS = (TIME, RECORDS)
"""What a curve runs over: milliseconds, or the sample's own allocations and frees, one after the other."""

CURVE_POINTS = 96
"""The most points that a curve has; more are not seen apart."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What one sample held on its way: the most in each of equal parts of its `length`, in `unit`."""

    unit: str
    length: int
    held_bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One metered execution of one test, or of one region in it.

    `metrics` always holds the peak and what was retained, and what was counted beside: looking at each
    allocation takes time. `harness_bytes` is what pytest and its plugins held when the process held the
    most: the test itself may have held up to that much more at another moment. It is 0 in a counted sample,
    which is exact. `left_out_bytes` is the part of it that plugins and excluded packages held, by package.
    Where the meter `has_lost_frames`, what all of them held counts as the test's.
    """

    metrics: Mapping[str, int]
    sites: tuple[SiteBytes, ...] = ()
    harness_bytes: int = 0
    left_out_bytes: Mapping[str, int] = field(default_factory=dict)
    has_lost_frames: bool = False
    order: int = 0
    curve: Curve | None = None

    @property
    def peak_bytes(self) -> int:
        """The most bytes that were alive at one moment."""
        return self.metrics[PEAK]

    @property
    def retained_bytes(self) -> int:
        """What was still alive when the sample had ended."""
        return self.metrics[RETAINED]

    @property
    def highest_peak_bytes(self) -> int:
        """The most that the test's own peak can have been."""
        return self.peak_bytes + self.harness_bytes


def largest(one: Sample, other: Sample) -> Sample:
    """Join two executions that count as one: what the larger one needed at its peak, the most of the rest."""
    larger = max(one, other, key=lambda sample: sample.highest_peak_bytes)
    most = {name: max(value, other.metrics.get(name, value)) for name, value in one.metrics.items()}
    return replace(larger, metrics={**other.metrics, **most, PEAK: larger.peak_bytes})


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
    `orders` are those of the turns of the threads that made the calls; none where they were made one by one.
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


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the samples of one test say together.

    `metrics` holds the floor of each metric; `spread` what still varied between warm
    samples, and how far the rate of a leak may be off; `first_cost` what the first sample cost
    above the floor. The true peak lies no more than `peak_doubt_bytes` above the one that is given.
    `curve` is that of the sample which needed the least.
    """

    meter: str
    samples: int
    metrics: Mapping[str, int]
    spread: Mapping[str, int] = field(default_factory=dict)
    first_cost: Mapping[str, int] = field(default_factory=dict)
    sites: tuple[SiteBytes, ...] = ()
    leak: LeakFinding | None = None
    notes: tuple[str, ...] = ()
    peak_doubt_bytes: int = 0
    curve: Curve | None = None


@dataclass(frozen=True, slots=True)
class EntrySite:
    """A site as the baseline stores it: file and function, no line."""

    at: str
    peak_bytes: int = 0
    retained_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """The accepted numbers of one test; `leaks_per_1000_calls` is what leaks beside bytes, by unit."""

    metrics: Mapping[str, int]
    spread: Mapping[str, int] = field(default_factory=dict)
    note: str = ""
    sites: tuple[EntrySite, ...] = ()
    leaks_per_1000_calls: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_leak_checked(self) -> bool:
        """Whether it holds what only a leak check finds out."""
        return bool(self.leaks_per_1000_calls) or any(not METRICS[name].from_samples for name in self.metrics)
