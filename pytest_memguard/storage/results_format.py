"""The format of the results file: its keys, what each holds, and what they mean.

Reading, writing, the JSON Schema and the reference follow from the records here, and from those of
measurements beside it.
"""

from __future__ import annotations

from pytest_memguard.core.environment import KEY_PATTERN, check_environment_key
from pytest_memguard.core.errors import ValueFormError
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunProblem, RunResults, TestResult
from pytest_memguard.core.verdict import (
    Creep,
    CreepStep,
    GrownSite,
    LineBytes,
    MetricVerdict,
    Quarantine,
    Verdict,
)
from pytest_memguard.storage.checked_json import LONGEST_TEXT, Part, safe_file, utf8
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
    defined_as,
    list_of,
    member_of,
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

OUTCOME = defined_as(member_of(Outcome, "an outcome"), "outcome")


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


ENVIRONMENT: Kind[str] = Kind(_read_environment, str, {"type": "string", "pattern": f"^{KEY_PATTERN}$"})
NODE_ID: Kind[str] = Kind(_read_id, utf8, {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT})
FILE_OR_NOTHING: Kind[str] = Kind(
    lambda part: part.path() if part.value else part.text(), safe_file, FILE.schema
)
METRIC = Record(
    MetricVerdict,
    Key("measured", SIZE, "The measured value."),
    Key("baseline", SIZE, "The accepted value, if there is one."),
    Key("limit", SIZE, "The largest value that is allowed; absent if there is no limit."),
    Key("outcome", OUTCOME, "The outcome of this metric alone; `ok` if absent.", default=Outcome.OK),
    Key("rule", TEXT, "Where the limit comes from, such as `max_peak` or `tolerance`."),
    Key("noise", SIZE, "By how much the samples of the entry differ, if that is too much to guard the test."),
    means="One metric against its limit.",
)

LINE_BYTES = Record(
    LineBytes,
    Key("line", COUNT),
    Key("bytes", SIZE, field="size_bytes"),
    Key("text", TEXT, "Its source text.", written_always=True),
)

GROWN_SITE = Record(
    GrownSite,
    Within("site", SITE),
    Key("bytes", SIZE, "What the site holds now.", field="size_bytes"),
    Key("grew_by", SIZE, "By how much that exceeds what was accepted.", field="grew_by_bytes"),
    Key("was", SIZE, "What was accepted; absent if the baseline does not have the site.", field="was_bytes"),
    Key("inner", NAMED_SITE),
    Key("counted", NAMED_COUNT, "What the site leaves behind, if that is not bytes."),
    Key(
        "lines",
        list_of(LINE_BYTES.kind),
        "The lines of the function that may be the cause, if there are several.",
    ),
    Key("met", NAMED_MEETING),
    means="A source line that explains the verdict.",
)

QUARANTINE = Record(
    Quarantine,
    Key("over", FLAG, "Whether the day has come, so that growth fails again.", field="is_over"),
    Key("until", DAY),
    means="Growth that a policy reports without failing (`on_growth`), before a day if there is one.",
)

CREEP_STEP = Record(
    CreepStep,
    Key("commit", TEXT),
    Key("day", DAY),
    Key("author", TEXT),
    Key("was", SIZE),
    Key("now", SIZE),
    Key("note", TEXT, written_always=True),
    means="A commit that accepted more than was accepted before.",
)

CREEP = Record(
    Creep,
    Key("metric", METRIC_NAME),
    Key("since", DAY, "The day on which `was` was the accepted value."),
    Key("rule", TEXT, "What growth in small steps may add up to."),
    Key("was", SIZE),
    Key("accepted", SIZE, "The value that is accepted now."),
    Key("measured", SIZE),
    Key("steps", list_of(CREEP_STEP.kind), written_always=True),
    means="Growth in small steps that adds up to more than the rule allows.",
)


def _read_metrics(part: Part) -> tuple[MetricVerdict, ...]:
    values = by_name(_METRIC_VALUES, METRIC_NAME).read(part)
    return tuple(MetricVerdict(name=name, **fields) for name, fields in values.items())


_METRIC_VALUES = defined_as(Kind(METRIC.values, dict, METRIC.schema()), "metric")
_METRICS: Kind[tuple[MetricVerdict, ...]] = Kind(
    _read_metrics,
    lambda metrics: {metric.name: METRIC.write(metric) for metric in metrics},
    by_name(_METRIC_VALUES, METRIC_NAME).schema,
)

VERDICT = Record(
    Verdict,
    Key("outcome", OUTCOME),
    Key("reason", TEXT, "The reason, in one sentence.", written_always=True, default=""),
    Key("metrics", _METRICS, "Each metric that was judged, by its name.", written_always=True),
    Key(
        "in_doubt",
        FLAG,
        "Whether the exact peak, which is not known, could lead to another outcome.",
        field="is_in_doubt",
    ),
    Key("quarantine", defined_as(QUARANTINE.kind, "quarantine")),
    Key("creep", defined_as(CREEP.kind, "creep")),
    Key("sites", list_of(defined_as(GROWN_SITE.kind, "grown_site")), "The lines that grew."),
)

TEST = Record(
    TestResult,
    Key("id", NODE_ID, "The node id, with `::region` appended for a region."),
    Key("line", COUNT, "The line where the test stands in its file; absent if that is not known."),
    Within("verdict", VERDICT),
    Key("fails", FLAG, "Whether this outcome fails the run."),
    Key("asked", FLAG, "Whether the test asks for a check that could not be made.", field="is_asked"),
    Key("hints", list_of(TEXT), "Further sentences for the reader of the report."),
    Key("note", TEXT, "The note of the entry."),
    Key("profile", FILE_OR_NOTHING, "The file with its capture, relative to the project's root."),
    Key(
        "accepted_curve",
        NAMED_CURVE,
        "The curve of the accepted run, if there is one and the test is not `ok`.",
    ),
)

PROBLEM = Record(
    RunProblem,
    Key("kind", TEXT, "One of the names in [outcomes](outcomes.md)."),
    Key("sentence", TEXT),
    Key("fails", FLAG, "Whether it fails the run."),
    means="A problem of the run as a whole.",
)

RUN = Record(
    RunResults,
    Key("environment", ENVIRONMENT, "The environment's key."),
    Key("meter", TEXT, "The meter.", written_always=True),
    Key("made_with", by_name(TEXT), "The versions of `python` and of the meter.", written_always=True),
    Key("advisory", FLAG, "Whether the run reported everything and failed nothing.", written_always=True),
    Key("baseline_dir", TEXT, "The folder of the baseline.", written_always=True),
    Key(
        "left_out",
        list_of(TEXT),
        "In CI: accepted entries whose tests `-k`, `-m` or `--deselect` left out, or whose "
        "module skipped itself.",
        written_always=True,
    ),
    Key(
        "problems",
        list_of(defined_as(PROBLEM.kind, "problem")),
        "Problems of the run as a whole.",
        written_always=True,
    ),
)
"""What is said about the run as a whole, beside the format and the tests."""
