"""The format of measurements in the results file: its keys, what each holds, and what they mean."""

from __future__ import annotations

from pytest_memguard.core.measurement import (
    CURVE_UNITS,
    Bound,
    CountGrowth,
    Curve,
    Doubt,
    KindGrowth,
    KnownGrowth,
    LeakFinding,
    Measurement,
    Meeting,
    Reading,
    Site,
    SiteBytes,
)
from pytest_memguard.core.metrics import METRICS
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
    list_of,
    member_of,
    told_as,
    word_of,
)

_MOST_POINTS = 1024
"""More points of a curve than any version writes; a page draws each of them."""

_PAIR = 2

METRIC_NAME = word_of(METRICS, "a metric")
SIZES = told_as(by_name(SIZE, METRIC_NAME), "sizes")


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
    Key("file", FILE),
    Key("line", COUNT),
    Key("function", TEXT),
    means="A line of a program.",
)
NAMED_SITE = told_as(SITE.kind, "site")

MEETING = Record(
    Meeting,
    Key("threads", COUNT, "How many threads stood there at once."),
    Key("each_bytes", SIZE, "What each of them had made at the site."),
    Key("after", NAMED_SITE, "The line that each had passed."),
    Key("before_line", COUNT, "The line of the function before which each stood; 0 is its return."),
    Key(
        "are_tasks", FLAG, "Whether they were tasks of a loop that waited at `after`; then `each_bytes` is 0."
    ),
    means="Where threads stood, or tasks waited, at once.",
)
NAMED_MEETING = told_as(MEETING.kind, "met")

SITE_BYTES = Record(
    SiteBytes,
    Within("site", SITE),
    Key("peak", SIZE, field="peak_bytes"),
    Key("retained", SIZE, field="retained_bytes"),
    Key(
        "inner",
        NAMED_SITE,
        "The line of a library that allocated, where the site is the project's that called it.",
    ),
    Key("is_inner", FLAG, "Whether its bytes are in those of the lines that call it, too."),
    Key("threads", COUNT, "How many threads had made what it held at the peak; 1 where it is absent."),
    Key("met", NAMED_MEETING),
    means="What a site held at the peak, and after the sample; what is absent is zero.",
)
NAMED_SITE_BYTES = told_as(SITE_BYTES.kind, "site_bytes")

COUNT_GROWTH = Record(
    CountGrowth,
    Key("unit", TEXT, "`threads`, `files`, `children` or `uncollectable objects`."),
    Key("per_call", NUMBER),
    Key("site", NAMED_SITE, "The line that leaves it behind."),
    means="What grows beside bytes.",
)
NAMED_COUNT = told_as(COUNT_GROWTH.kind, "count")

KNOWN_GROWTH = Record(
    KnownGrowth,
    Key("reason", TEXT),
    Key("bytes_per_call", SIZE),
    Key("entry", TEXT, "The entry of the settings, or the leak of a library."),
    Key("reference", TEXT, "Where more is said about it."),
    means="What a known leak adds to each call.",
)

BOUND = Record(
    Bound,
    Key("holder", TEXT),
    Key("entries", SIZE, "How many it holds now."),
    Key("at_most", SIZE, "How many it may hold."),
    Key("settles_at", SIZE, "The bytes that it will settle at.", field="settles_at_bytes"),
    means="The bound of a holder that keeps filling.",
)

KIND_GROWTH = Record(
    KindGrowth,
    Key("type", TEXT, field="name"),
    Key("per_call", NUMBER),
    means="How many objects of a type each call leaves behind.",
)

CURVE = Record(
    Curve,
    Key("unit", word_of(CURVE_UNITS, "a unit"), "Milliseconds, or the sample's own allocations and frees."),
    Key("length", COUNT, "The length of the sample in that unit."),
    Key(
        "held",
        list_of(SIZE, at_most=_MOST_POINTS, what="sizes"),
        "The most bytes in each of equal parts of the length.",
        written_always=True,
        field="held_bytes",
    ),
    means="What a sample held on its way.",
)
NAMED_CURVE = told_as(CURVE.kind, "curve")

LEAK = Record(
    LeakFinding,
    Key("leaking", FLAG),
    Key("bytes_per_call", SIZE),
    Key("calls", COUNT),
    Key(
        "settled",
        SIZE,
        "What the body holds after its last call over what was held before the first.",
        written_always=True,
        field="settled_bytes",
    ),
    Key("held_by", list_of(TEXT), "The chain of referrers, the outermost holder first.", written_always=True),
    Key("signals", list_of(TEXT), "What grew: `blocks`, `heap`, `rss`.", written_always=True),
    Key(
        "kinds",
        list_of(told_as(KIND_GROWTH.kind, "kind_growth")),
        "The types of what each call leaves behind.",
    ),
    Key(
        "fingerprint",
        TEXT,
        "A hash of its holders, or of the function that allocates most: the same in every "
        "test that shows the leak.",
    ),
    Key("counts", list_of(NAMED_COUNT), "What grows beside bytes."),
    Key(
        "bounds",
        list_of(told_as(BOUND.kind, "bound")),
        "Those of all that grows, where all of it has one; it does not leak then.",
    ),
    Key("note", TEXT, "What the explanation lacks."),
    Key(
        "doubt",
        SIZE,
        "By how much `bytes_per_call` may differ in another run of the same code.",
        field="doubt_bytes",
    ),
    Key(
        "known",
        list_of(told_as(KNOWN_GROWTH.kind, "known_growth")),
        "What known leaks add to each call; `bytes_per_call` leaves it out.",
    ),
    Key(
        "doubts",
        list_of(member_of(Doubt, "a doubt")),
        "Why the check has no answer, where `leaking` is false; else what the answer depends on.",
    ),
    Key("used_up", TEXT, "The error with which the body ran out of something."),
    Key("accelerating", FLAG, "Whether each call leaves more than the one before.", field="is_accelerating"),
    Key(
        "order",
        COUNT,
        "The order of turns of the threads that made the calls; absent where they were made one by one.",
    ),
    Key("sites", list_of(NAMED_SITE_BYTES), "What allocated it; sizes are bytes per call."),
    Key(
        "readings",
        list_of(READING, at_most=_MOST_POINTS, what="readings"),
        "Pairs: the calls made, and the bytes held after them over those before the first.",
    ),
    Key("judged_from", COUNT, "From so many calls on the readings decide.", field="judged_from_calls"),
    means="What repeating the body showed.",
)

MEASURED = Record(
    Measurement,
    Key("meter", TEXT, "What measured."),
    Key("samples", COUNT, "How often; absent where nothing was measured."),
    Key("leak", told_as(LEAK.kind, "leak")),
)
"""What the record of a test holds of its measurement, among its own keys."""

MEASUREMENT = Record(
    Measurement,
    Key("metrics", SIZES, default={}),
    Key("spread", SIZES, "What varied between samples."),
    Key("first_cost", SIZES, "What the first sample cost above the others."),
    Key(
        "peak_doubt",
        SIZE,
        "How far the true peak may lie above the one that is given.",
        field="peak_doubt_bytes",
    ),
    Key("notes", list_of(TEXT)),
    Key("sites", list_of(NAMED_SITE_BYTES)),
    Key("curve", NAMED_CURVE),
    means="What the samples say together, for accepting. Where `sites` is absent the record is "
    "compact: "
    "`metrics` holds only what the verdict does not.",
)
