"""The format of the results file: its keys, what each holds, and what they mean.

Reading, writing, the JSON Schema and the reference follow from the records here, and from those of
measurements beside it.
"""

from __future__ import annotations

from pytest_memguard.core.environment import check_environment_key
from pytest_memguard.core.errors import ValueFormError
from pytest_memguard.core.verdict import (
    Creep,
    CreepStep,
    GrownSite,
    LineBytes,
    MetricVerdict,
    Outcome,
    Quarantine,
    RunProblem,
    RunResults,
    TestResult,
    Verdict,
)
from pytest_memguard.storage.checked_json import LONGEST_TEXT, Part, inside, utf8
from pytest_memguard.storage.json_kinds import (
    COUNT,
    DAY,
    FILE,
    FLAG,
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
)
from pytest_memguard.storage.measurement_format import (
    METRIC_NAME,
    NAMED_COUNT,
    NAMED_CURVE,
    NAMED_MEETING,
    NAMED_SITE,
    SITE,
)

FORMAT = "memguard-results/1"

OUTCOME = told_as(member_of(Outcome, "an outcome"), "outcome")


def _read_environment(part: Part) -> str:
    try:
        return check_environment_key(part.text())
    except ValueFormError:
        raise part.wrong("a key such as 'cpython-3.11-linux-x86_64'") from None


def _read_id(part: Part) -> str:
    text = part.text()
    if not text:
        raise part.wrong("a node id")
    return text


ENVIRONMENT: Kind[str] = Kind(
    _read_environment, str, {"type": "string", "pattern": r"^[a-z]+-\d+\.\d+t?-[a-z0-9]+-[a-z0-9_]+(-musl)?$"}
)
NODE_ID: Kind[str] = Kind(_read_id, utf8, {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT})
FILE_OR_NOTHING: Kind[str] = Kind(Part.path_or_nothing, inside, FILE.schema)
METRIC = Record(
    MetricVerdict,
    Key("measured", "measured", SIZE),
    Key("baseline", "baseline", SIZE, "The accepted value, if there is one."),
    Key("limit", "limit", SIZE, "What is allowed; absent where nothing limits it."),
    Key(
        "outcome",
        "outcome",
        OUTCOME,
        "What this metric alone leads to; `ok` where it is absent.",
        default=Outcome.OK,
    ),
    Key("rule", "rule", TEXT, "Where the limit came from."),
    Key(
        "noise",
        "noise",
        SIZE,
        "How far the samples of the entry allow it to vary, where that is too much to guard the test.",
    ),
    means="One metric against its limit.",
)

LINE_BYTES = Record(
    LineBytes,
    Key("line", "line", COUNT),
    Key("bytes", "size_bytes", SIZE),
    Key("text", "text", TEXT, "How it reads.", written_always=True),
)

GROWN_SITE = Record(
    GrownSite,
    Within("site", SITE),
    Key("bytes", "size_bytes", SIZE, "What it holds now."),
    Key("grew_by", "grew_by_bytes", SIZE, "By how much more than accepted."),
    Key("was", "was_bytes", SIZE, "What it held; absent where the baseline has nothing about it."),
    Key("inner", "inner", NAMED_SITE),
    Key("counted", "counted", NAMED_COUNT, "What it leaves behind, where that is not bytes."),
    Key(
        "lines",
        "lines",
        list_of(LINE_BYTES.kind),
        "Lines of the function that may be the cause, where several may be.",
    ),
    Key("met", "met", NAMED_MEETING),
    means="A site that explains the verdict.",
)

QUARANTINE = Record(
    Quarantine,
    Key("over", "is_over", FLAG, "Whether the day has come: the growth fails again."),
    Key("until", "until", DAY),
    means="Growth that a policy reports without failing (`on_growth`), before a day if there is one.",
)

CREEP_STEP = Record(
    CreepStep,
    Key("commit", "commit", TEXT),
    Key("day", "day", DAY),
    Key("author", "author", TEXT),
    Key("was", "was", SIZE),
    Key("now", "now", SIZE),
    Key("note", "note", TEXT, written_always=True),
    means="A commit that accepted more than was accepted before.",
)

CREEP = Record(
    Creep,
    Key("metric", "metric", METRIC_NAME),
    Key("since", "since", DAY, "The day of which `was` is the accepted value."),
    Key("rule", "rule", TEXT, "What growth may add up to."),
    Key("was", "was", SIZE),
    Key("accepted", "accepted", SIZE, "What is accepted now."),
    Key("measured", "measured", SIZE),
    Key("steps", "steps", list_of(CREEP_STEP.kind), written_always=True),
    means="Growth in small steps that adds up to more than the rule allows.",
)


def _read_metrics(part: Part) -> tuple[MetricVerdict, ...]:
    values = by_name(_METRIC_VALUES, METRIC_NAME).read(part)
    return tuple(MetricVerdict(name=name, **fields) for name, fields in values.items())


_METRIC_VALUES = told_as(Kind(METRIC.values, dict, METRIC.schema()), "metric")
_METRICS: Kind[tuple[MetricVerdict, ...]] = Kind(
    _read_metrics,
    lambda metrics: {metric.name: METRIC.write(metric) for metric in metrics},
    by_name(_METRIC_VALUES, METRIC_NAME).schema,
)

VERDICT = Record(
    Verdict,
    Key("outcome", "outcome", OUTCOME),
    Key("reason", "reason", TEXT, "One sentence.", written_always=True, default=""),
    Key("metrics", "metrics", _METRICS, "Each metric that was judged, by its name.", written_always=True),
    Key(
        "in_doubt",
        "is_in_doubt",
        FLAG,
        "Whether the true peak, within what is known of it, may lead to another outcome.",
    ),
    Key("quarantine", "quarantine", told_as(QUARANTINE.kind, "quarantine")),
    Key("creep", "creep", told_as(CREEP.kind, "creep")),
    Key("sites", "sites", list_of(told_as(GROWN_SITE.kind, "grown_site")), "What grew."),
)

TEST = Record(
    TestResult,
    Key("id", "id", NODE_ID, "The node id, with `::region` appended for a region."),
    Within("verdict", VERDICT),
    Key("fails", "fails", FLAG, "Whether this outcome fails the run."),
    Key(
        "asked", "is_asked", FLAG, "Whether a test that was not measured asks for a check that was not made."
    ),
    Key("hints", "hints", list_of(TEXT), "Further sentences."),
    Key("note", "note", TEXT, "The note of the entry."),
    Key("profile", "profile", FILE_OR_NOTHING, "Where its capture is kept, from the project's root."),
    Key(
        "accepted_curve",
        "accepted_curve",
        NAMED_CURVE,
        "The accepted one, where there is one and the test is not simply ok.",
    ),
)

PROBLEM = Record(
    RunProblem,
    Key("kind", "kind", TEXT, "One of the names in [outcomes](outcomes.md)."),
    Key("sentence", "sentence", TEXT),
    Key("fails", "fails", FLAG, "Whether it fails the run."),
    means="What is wrong with the run as a whole.",
)

RUN = Record(
    RunResults,
    Key("environment", "environment", ENVIRONMENT, "The environment's key."),
    Key("meter", "meter", TEXT, "What measured.", written_always=True),
    Key("made_with", "made_with", by_name(TEXT), "Name to version: `python`, `memray`.", written_always=True),
    Key(
        "advisory",
        "advisory",
        FLAG,
        "Whether the run reported everything and failed nothing.",
        written_always=True,
    ),
    Key("baseline_dir", "baseline_dir", TEXT, "The folder of the baseline.", written_always=True),
    Key(
        "left_out",
        "left_out",
        list_of(TEXT),
        "In CI: accepted entries whose tests `-k`, `-m` or `--deselect` left out, or whose "
        "module skipped itself.",
        written_always=True,
    ),
    Key(
        "problems",
        "problems",
        list_of(told_as(PROBLEM.kind, "problem")),
        "What is wrong with the run as a whole.",
        written_always=True,
    ),
)
"""What is said about the run as a whole, beside the format and the tests."""
