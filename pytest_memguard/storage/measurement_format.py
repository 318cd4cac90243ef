"""The format of measurements in the results file: its keys, what each holds, and what they mean."""

from __future__ import annotations

from pytest_memguard.core.leak_finding import (
    Bound,
    CountGrowth,
    Doubt,
    KindGrowth,
    KnownGrowth,
    LeakFinding,
    Reading,
)
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.metrics import METRICS
from pytest_memguard.core.sample import CURVE_UNITS, Curve
from pytest_memguard.core.sites import Meeting, Site, SiteBytes
from pytest_memguard.storage.checked_json import Part
from pytest_memguard.storage.json_kinds import (
    COUNT,
    FILE,
    FLAG,
    NUMBER,
    SIZE,
    TEXT,
    Key,
    Kind,
    Record,
    Within,
    by_name,
    defined_as,
    list_of,
    member_of,
    word_of,
)

_MOST_POINTS = 1024
"""More points of a curve than any version writes; a page draws each of them."""

_PAIR = 2

METRIC_NAME = word_of(METRICS, "a metric")
SIZES = defined_as(by_name(SIZE, METRIC_NAME), "sizes")


def _read_reading(part: Part) -> Reading:
    numbers = part.elements()
    if len(numbers) != _PAIR:
        raise part.wrong("a pair: the calls, and the bytes held after them")
    return Reading(calls=numbers[0].count(), held_bytes=numbers[1].signed())


READING: Kind[Reading] = Kind(
    _read_reading,
    lambda reading: [reading.calls, reading.held_bytes],
    {"type": "array", "minItems": _PAIR, "maxItems": _PAIR, "items": SIZE.schema},
)

SITE = Record(
    Site,
    Key("file", FILE, "The source file."),
    Key("line", COUNT, "The number of the line."),
    Key("function", TEXT, "The function that the line is in."),
    means="A line of source code.",
)
NAMED_SITE = defined_as(SITE.kind, "site")

MEETING = Record(
    Meeting,
    Key("threads", COUNT, "How many threads stood there at once."),
    Key("each_bytes", SIZE, "How much each of them had allocated at the site."),
    Key("after", NAMED_SITE, "The last line that each had run."),
    Key(
        "before_line",
        COUNT,
        "The line that each was about to run; 0 is the return of the function, that of `after` is within it.",
    ),
    Key(
        "are_tasks", FLAG, "Whether they were tasks of a loop that waited at `after`; then `each_bytes` is 0."
    ),
    means="Where several threads stood, or several tasks waited, at once.",
)
NAMED_MEETING = defined_as(MEETING.kind, "met")

SITE_BYTES = Record(
    SiteBytes,
    Within("site", SITE),
    Key("peak", SIZE, "What it held at the peak.", field="peak_bytes"),
    Key("retained", SIZE, "What it held after the sample.", field="retained_bytes"),
    Key(
        "inner",
        NAMED_SITE,
        "The line of a library that allocated, if the site is the line of the project that called it.",
    ),
    Key("is_inner", FLAG, "Whether its bytes are also counted in the lines that call it."),
    Key("threads", COUNT, "How many threads had allocated what it held at the peak; 1 if absent."),
    Key("met", NAMED_MEETING),
    means="What a site held at the peak and after the sample.",
)
NAMED_SITE_BYTES = defined_as(SITE_BYTES.kind, "site_bytes")

COUNT_GROWTH = Record(
    CountGrowth,
    Key("unit", TEXT, "`threads`, `files`, `children` or `uncollectable objects`."),
    Key("per_call", NUMBER, "How many each call leaves behind."),
    Key("site", NAMED_SITE, "The line that leaves them behind."),
    means="Something other than bytes that grows with the calls.",
)
NAMED_COUNT = defined_as(COUNT_GROWTH.kind, "count")

KNOWN_GROWTH = Record(
    KnownGrowth,
    Key("reason", TEXT, "Why it is known."),
    Key("bytes_per_call", SIZE, "How much it adds to each call."),
    Key("entry", TEXT, "The entry of the settings, or the leak of a library."),
    Key("reference", TEXT, "The place in the library."),
    means="What a known leak adds to each call.",
)

BOUND = Record(
    Bound,
    Key("holder", TEXT, "The container."),
    Key("entries", SIZE, "How many entries it has now."),
    Key("at_most", SIZE, "How many entries it may have."),
    Key("settles_at", SIZE, "The bytes that it will hold then.", field="settles_at_bytes"),
    means="The bound of a container that still fills.",
)

KIND_GROWTH = Record(
    KindGrowth,
    Key("type", TEXT, "The type of the objects.", field="name"),
    Key("per_call", NUMBER, "How many each call leaves behind."),
    means="How many objects of a type each call leaves behind.",
)

CURVE = Record(
    Curve,
    Key("unit", word_of(CURVE_UNITS, "a unit"), "Milliseconds, or the sample's own allocations and frees."),
    Key("length", COUNT, "The length of the sample in that unit."),
    Key(
        "held",
        list_of(SIZE, at_most=_MOST_POINTS, what="sizes"),
        "The most bytes held in each of several equal parts of the length.",
        written_always=True,
        field="held_bytes",
    ),
    means="How much a sample held from its start to its end.",
)
NAMED_CURVE = defined_as(CURVE.kind, "curve")

LEAK = Record(
    LeakFinding,
    Key("leaking", FLAG, "Whether the body leaks."),
    Key("bytes_per_call", SIZE, "The rate of the leak."),
    Key("calls", COUNT, "How often the body was called."),
    Key(
        "settled",
        SIZE,
        "What is held after the last call, minus what was held before the first one.",
        written_always=True,
        field="settled_bytes",
    ),
    Key("held_by", list_of(TEXT), "The chain of referrers, the outermost holder first.", written_always=True),
    Key("signals", list_of(TEXT), "What grew: `blocks`, `heap`, `rss`.", written_always=True),
    Key(
        "kinds",
        list_of(defined_as(KIND_GROWTH.kind, "kind_growth")),
        "The objects that each call leaves behind, by type.",
    ),
    Key(
        "fingerprint",
        TEXT,
        "A hash of its holders, or of the function that allocates most: the same in every "
        "test that shows the leak.",
    ),
    Key("counts", list_of(NAMED_COUNT), "What else grows: threads, files, child processes."),
    Key(
        "bounds",
        list_of(defined_as(BOUND.kind, "bound")),
        "The bounds of the containers that grow, if everything that grows has one; then nothing leaks.",
    ),
    Key("note", TEXT, "What could not be found out about the leak."),
    Key(
        "doubt",
        SIZE,
        "By how much `bytes_per_call` may differ in another run of the same code.",
        field="doubt_bytes",
    ),
    Key(
        "known",
        list_of(defined_as(KNOWN_GROWTH.kind, "known_growth")),
        "What known leaks add to each call; it is not in `bytes_per_call`.",
    ),
    Key(
        "doubts",
        list_of(member_of(Doubt, "a doubt")),
        "Why the check has no answer if `leaking` is false; otherwise, what the answer depends on.",
    ),
    Key("used_up", TEXT, "The error that was raised when the body ran out of something."),
    Key("accelerating", FLAG, "Whether each call leaves more than the one before.", field="is_accelerating"),
    Key(
        "orders",
        list_of(COUNT),
        "The orders of turns of the threads that made the calls, one a call; absent if there was one thread.",
    ),
    Key("sites", list_of(NAMED_SITE_BYTES), "The lines that allocate; sizes are bytes per call."),
    Key(
        "readings",
        list_of(READING, at_most=_MOST_POINTS, what="readings"),
        "Pairs of the number of calls, and the bytes held after them beyond those before the first one.",
    ),
    Key(
        "judged_from",
        COUNT,
        "The number of calls from which on the readings decide.",
        field="judged_from_calls",
    ),
    means="The result of a leak check.",
)

MEASURED = Record(
    Measurement,
    Key("meter", TEXT, "The meter."),
    Key("samples", COUNT, "The number of samples; absent if nothing was measured."),
    Key("leak", defined_as(LEAK.kind, "leak")),
)
"""What the record of a test holds of its measurement, among its own keys."""

MEASUREMENT = Record(
    Measurement,
    Key("metrics", SIZES, default={}),
    Key("spread", SIZES, "By how much the samples differed."),
    Key("first_cost", SIZES, "By how much the first sample exceeded the lowest one."),
    Key("peak_doubt", SIZE, "By how much the true peak may exceed the given one.", field="peak_doubt_bytes"),
    Key("notes", list_of(TEXT)),
    Key("sites", list_of(NAMED_SITE_BYTES)),
    Key("curve", NAMED_CURVE),
    means="The combined result of the samples, from which an entry is made. If `sites` is absent, "
    "`metrics` has only what is not in the verdict.",
)
