"""Reads untrusted JSON as the results of a run; checks types, ranges, words and paths."""

from __future__ import annotations

from pytest_memguard.core.environment import check_environment_key
from pytest_memguard.core.errors import ValueFormError, nearest
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
from pytest_memguard.core.settings import DEFAULT_BASELINE_DIR
from pytest_memguard.core.verdict import (
    OUTCOMES,
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
from pytest_memguard.storage.checked_json import LONGEST_SHOWN, Part
from pytest_memguard.storage.results_writing import FORMAT


def result_from_json(value: object, place: str = "result") -> TestResult:
    """Read what `result_to_json` wrote; `ResultsError` names the place and what is accepted.

    Keys that this version does not know are ignored.
    """
    return _result(Part(value, place))


def _result(part: Part) -> TestResult:
    name = part.field("id")
    if not name.text():
        raise name.wrong("a node id")
    metrics = tuple(
        _metric(part.field("metrics").field(metric), metric)
        for metric in _metric_names(part.field("metrics", {}))
    )
    return TestResult(
        id=name.text(),
        verdict=Verdict(
            outcome=_outcome(part.field("outcome")),
            reason=part.field("reason", "").text(),
            metrics=metrics,
            sites=tuple(_grown_site(site) for site in part.field("sites", []).elements()),
            is_in_doubt=part.field("in_doubt", default=False).flag(),
            quarantine=part.field("quarantine").optional(_quarantine),
            creep=part.field("creep").optional(_creep),
        ),
        measurement=part.field("samples").optional(lambda samples: _measurement(part, samples, metrics)),
        fails=part.field("fails", default=False).flag(),
        hints=_texts(part.field("hints", [])),
        note=part.field("note", "").text(),
        profile=part.field("profile", "").path_or_nothing(),
        accepted_curve=part.field("accepted_curve").optional(curve_from_json),
        is_asked=part.field("asked", default=False).flag(),
    )


def _quarantine(part: Part) -> Quarantine:
    return Quarantine(
        until=part.field("until").optional(Part.day),
        is_over=part.field("over", default=False).flag(),
    )


def _creep(part: Part) -> Creep:
    if part.field("metric").value not in METRICS:
        raise part.field("metric").wrong("a metric")
    return Creep(
        metric=part.field("metric").text(),
        since=part.field("since").day(),
        was=part.field("was").signed(),
        accepted=part.field("accepted").signed(),
        measured=part.field("measured").signed(),
        rule=part.field("rule").text(),
        steps=tuple(
            CreepStep(
                commit=step.field("commit").text(),
                day=step.field("day").day(),
                author=step.field("author").text(),
                was=step.field("was").signed(),
                now=step.field("now").signed(),
                note=step.field("note", "").text(),
            )
            for step in part.field("steps", []).elements()
        ),
    )


def run_from_json(value: object) -> RunResults:
    """Read a whole results file's value; `ResultsError` names the place and what is accepted."""
    run = Part(value, "")
    written = Part(run.fields().get("format"), "format")
    if written.value != FORMAT:
        if isinstance(written.value, str) and written.value.startswith("memguard-results/"):
            raise written.wrong(
                f"{FORMAT!r}; a later pytest-memguard made it: `pip install -U pytest-memguard`"
            )
        raise written.wrong(repr(FORMAT))
    environment = run.field("environment")
    try:
        check_environment_key(environment.text())
    except ValueFormError:
        raise environment.wrong("a key such as 'cpython-3.11-linux-x86_64'") from None
    made_with = run.field("made_with", {})
    return RunResults(
        environment=environment.text(),
        tests=tuple(_result(test) for test in run.field("tests").elements()),
        meter=run.field("meter", "").text(),
        made_with={
            Part(name, "made_with").text(): made_with.field(name).text() for name in made_with.fields()
        },
        problems=tuple(_problem(problem) for problem in run.field("problems", []).elements()),
        advisory=run.field("advisory", default=False).flag(),
        baseline_dir=run.field("baseline_dir", DEFAULT_BASELINE_DIR).text(),
        left_out=_texts(run.field("left_out", [])),
    )


def _problem(part: Part) -> RunProblem:
    return RunProblem(
        kind=part.field("kind").text(),
        sentence=part.field("sentence").text(),
        fails=part.field("fails").flag(),
    )


def _outcome(part: Part) -> Outcome:
    if part.value not in OUTCOMES:
        raise part.wrong(f"an outcome, {nearest(str(part.value)[:LONGEST_SHOWN], OUTCOMES)}")
    return Outcome(part.value)


def _metric_names(part: Part) -> list[str]:
    for name in part.fields():
        if name not in METRICS:
            raise Part(name, part.place).wrong(f"a metric, {nearest(name[:LONGEST_SHOWN], METRICS)}")
    return list(part.fields())


def _metric(part: Part, name: str) -> MetricVerdict:
    return MetricVerdict(
        name=name,
        measured=part.field("measured").signed(),
        outcome=_outcome(part.field("outcome", str(Outcome.OK))),
        baseline=part.field("baseline").optional(Part.signed),
        limit=part.field("limit").optional(Part.signed),
        rule=part.field("rule", "").text(),
        noise=part.field("noise", 0).signed(),
    )


def _measurement(part: Part, samples: Part, judged: tuple[MetricVerdict, ...]) -> Measurement:
    more = part.field("measurement", {})
    # A compact record leaves out what its verdict says already; a complete one has its sites.
    known = {} if "sites" in more.fields() else {metric.name: metric.measured for metric in judged}
    return Measurement(
        meter=part.field("meter").text(),
        samples=samples.count(),
        metrics=known | _metrics(more.field("metrics", {})),
        spread=_metrics(more.field("spread", {})),
        first_cost=_metrics(more.field("first_cost", {})),
        sites=tuple(_site_bytes(site) for site in more.field("sites", []).elements()),
        leak=part.field("leak").optional(_leak),
        notes=_texts(more.field("notes", [])),
        peak_doubt_bytes=more.field("peak_doubt", 0).signed(),
        curve=more.field("curve").optional(curve_from_json),
    )


def curve_from_json(part: Part) -> Curve:
    """Read what `curve_to_json` wrote; raises `ResultsError`."""
    unit = part.field("unit")
    if unit.value not in CURVE_UNITS:
        raise unit.wrong(f"a unit, {nearest(str(unit.value)[:LONGEST_SHOWN], CURVE_UNITS)}")
    held = part.field("held")
    points = held.elements()
    if len(points) > _MOST_POINTS:
        raise held.wrong(f"a list of at most {_MOST_POINTS:,} sizes")
    return Curve(
        unit=unit.text(),
        length=part.field("length").count(),
        held_bytes=tuple(point.signed() for point in points),
    )


_MOST_POINTS = 1024
"""More than any version writes; a page draws each of them."""


def _readings(part: Part) -> tuple[Reading, ...]:
    pairs = part.elements()
    if len(pairs) > _MOST_POINTS:
        raise part.wrong(f"a list of at most {_MOST_POINTS:,} readings")
    return tuple(_reading(pair) for pair in pairs)


def _reading(part: Part) -> Reading:
    numbers = part.elements()
    if len(numbers) != _PAIR:
        raise part.wrong("a pair: the calls, and the bytes held after them")
    return Reading(calls=numbers[0].count(), held_bytes=numbers[1].signed())


_PAIR = 2


def _metrics(part: Part) -> dict[str, int]:
    return {name: part.field(name).signed() for name in _metric_names(part)}


def _leak(part: Part) -> LeakFinding:
    return LeakFinding(
        leaking=part.field("leaking").flag(),
        bytes_per_call=part.field("bytes_per_call").signed(),
        calls=part.field("calls").count(),
        settled_bytes=part.field("settled", 0).signed(),
        counts=tuple(_count(count) for count in part.field("counts", []).elements()),
        signals=_texts(part.field("signals", [])),
        sites=tuple(_site_bytes(site) for site in part.field("sites", []).elements()),
        held_by=_texts(part.field("held_by", [])),
        bounds=tuple(_bound(bound) for bound in part.field("bounds", []).elements()),
        note=part.field("note", "").text(),
        doubt_bytes=part.field("doubt", 0).signed(),
        known=tuple(_known_growth(growth) for growth in part.field("known", []).elements()),
        doubts=tuple(_doubt(element) for element in part.field("doubts", []).elements()),
        used_up=part.field("used_up", "").text(),
        is_accelerating=part.field("accelerating", default=False).flag(),
        order=part.field("order").optional(Part.count),
        readings=_readings(part.field("readings", [])),
        judged_from_calls=part.field("judged_from", 0).count(),
        kinds=tuple(_kind(kind) for kind in part.field("kinds", []).elements()),
        fingerprint=part.field("fingerprint", "").text(),
    )


def _kind(part: Part) -> KindGrowth:
    return KindGrowth(name=part.field("type").text(), per_call=part.field("per_call").number())


def _known_growth(part: Part) -> KnownGrowth:
    return KnownGrowth(
        reason=part.field("reason").text(),
        bytes_per_call=part.field("bytes_per_call").signed(),
        entry=part.field("entry", "").text(),
        reference=part.field("reference", "").text(),
    )


def _doubt(part: Part) -> Doubt:
    known = tuple(doubt.value for doubt in Doubt)
    if part.value not in known:
        raise part.wrong(f"a doubt, {nearest(str(part.value)[:LONGEST_SHOWN], known)}")
    return Doubt(part.value)


def _bound(part: Part) -> Bound:
    return Bound(
        holder=part.field("holder").text(),
        entries=part.field("entries").signed(),
        at_most=part.field("at_most").signed(),
        settles_at_bytes=part.field("settles_at").signed(),
    )


def _texts(part: Part) -> tuple[str, ...]:
    return tuple(element.text() for element in part.elements())


def _grown_site(part: Part) -> GrownSite:
    return GrownSite(
        site=_site(part),
        size_bytes=part.field("bytes").signed(),
        grew_by_bytes=part.field("grew_by").signed(),
        was_bytes=part.field("was").optional(Part.signed),
        inner=part.field("inner").optional(_site),
        counted=part.field("counted").optional(_count),
        lines=tuple(_line(line) for line in part.field("lines", []).elements()),
        met=part.field("met").optional(_meeting),
    )


def _meeting(part: Part) -> Meeting:
    return Meeting(
        threads=part.field("threads").count(),
        each_bytes=part.field("each_bytes").signed(),
        after=_site(part.field("after")),
        before_line=part.field("before_line").count(),
    )


def _line(part: Part) -> LineBytes:
    return LineBytes(
        line=part.field("line").count(),
        size_bytes=part.field("bytes").signed(),
        text=part.field("text", "").text(),
    )


def _count(part: Part) -> CountGrowth:
    return CountGrowth(
        unit=part.field("unit").text(),
        per_call=part.field("per_call").number(),
        site=part.field("site").optional(_site),
    )


def _site_bytes(part: Part) -> SiteBytes:
    return SiteBytes(
        site=_site(part),
        peak_bytes=part.field("peak", 0).signed(),
        retained_bytes=part.field("retained", 0).signed(),
        inner=part.field("inner").optional(_site),
        is_inner=part.field("is_inner", default=False).flag(),
        threads=part.field("threads", 1).count(),
        met=part.field("met").optional(_meeting),
    )


def _site(part: Part) -> Site:
    return Site(
        file=part.field("file").path(),
        line=part.field("line").count(),
        function=part.field("function").text(),
    )
