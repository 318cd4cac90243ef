"""Generated entries, results and names, hostile ones included."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields, replace
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from pytest_memguard.core.entries import Entry, EntrySite, ModuleBaseline
from pytest_memguard.core.leak_finding import LeakFinding, Reading
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.metrics import COUNTED_UNITS, METRICS
from pytest_memguard.core.run_results import RunProblem, RunResults, TestResult, meter_name
from pytest_memguard.core.sample import CURVE_UNITS, Curve
from pytest_memguard.core.sites import Meeting, Site, SiteBytes
from pytest_memguard.core.verdict import Creep, LineBytes, MetricVerdict, Verdict

ENVIRONMENT = "cpython-3.11-linux-x86_64"
NASTY = (
    "",
    "test_x[1]::transform",
    "test with spaces  and more ",
    " leading",
    "test_ünïcödé[日本語-🎉]",
    "a/b\\c",
    'it\'s "quoted"',
    "key: value",
    "ends:",
    "a::",
    "value # comment",
    "#",
    "line\nbreak\r\n",
    "tab\there",
    "bell\x07 escape\x1b[31m nul\x00",
    "next line\x85 separator\u2028 bom\ufeff",
    "- dash",
    "? question",
    "[1, 2]",
    "{a: b}",
    "&anchor",
    "*alias",
    "!!python/object",
    "%directive",
    "@at",
    "`tick",
    "no",
    "null",
    "~",
    "123",
    "1_000",
    "1.5",
    "0x1f",
    "2020-01-01",
    "<<",
    "=",
    "---",
    "...",
    "<<<<<<< HEAD",
    "=======",
    "x" * 999,
    "x" * 1024,
    "long " * 800,
    "ü" * 4000,
)

ids = st.sampled_from(NASTY) | st.text(st.characters(codec="utf-8"), max_size=40)
sizes = st.integers(0, 2**63 - 1)
sized = st.dictionaries(st.sampled_from(list(METRICS)), sizes, max_size=5)
entries = st.builds(
    Entry,
    metrics=st.dictionaries(st.sampled_from(list(METRICS)), sizes, min_size=1, max_size=5),
    spread=sized,
    note=ids,
    sites=st.lists(st.builds(EntrySite, at=ids, peak_bytes=sizes, retained_bytes=sizes), max_size=3).map(
        tuple
    ),
    leaks_per_1000_calls=st.dictionaries(st.sampled_from(COUNTED_UNITS), sizes, max_size=4),
    meter=ids,
)


def as_read(baseline: ModuleBaseline) -> ModuleBaseline:
    """Name the meter of the file in each entry that names none, as reading does."""
    usual = meter_name(baseline.meter)
    named = {key: replace(entry, meter=entry.meter or usual) for key, entry in baseline.entries.items()}
    return replace(baseline, entries=named)


modules = st.builds(
    ModuleBaseline,
    module=st.just("tests/test_x.py"),
    meter=ids,
    made_with=st.dictionaries(ids, ids, max_size=3),
    entries=st.dictionaries(ids, entries, max_size=4),
).map(as_read)

signed = st.integers(-(2**63) + 1, 2**63 - 1)
files = st.sampled_from(["shop/cache.py", "json/decoder.py", "<string>", "ünï.py", "with space/x.py"])
T = TypeVar("T")


def every_field(kind: type[T], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """Make values of a dataclass with each of its fields varied, those with a default and new ones too."""
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # a dataclass, which has no type of its own
    return st.builds(kind, **{name: given[name] if name in given else of_type(hints[name]) for name in names})


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Make values of a field's type; one that is not known here is an error, not a constant."""
    if hint in _BY_TYPE:
        return _BY_TYPE[hint]
    parts = get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(*map(of_type, parts))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    if get_origin(hint) is tuple and parts[1:] == (...,):
        return st.lists(of_type(parts[0]), max_size=2).map(tuple)
    return every_field(hint)


_BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    NoneType: st.none(),
    bool: st.booleans(),
    int: signed,
    float: st.floats(-(2**62), 2**62),
    str: ids,
    dt.date: st.dates(),
    Mapping[str, int]: st.dictionaries(ids, sizes, max_size=2),
    Site: every_field(Site, file=files, line=st.integers(0, 99999), function=ids),
}
_BY_TYPE[LineBytes] = every_field(LineBytes, line=st.integers(0, 99999))
_BY_TYPE[Curve] = every_field(Curve, unit=st.sampled_from(CURVE_UNITS), length=sizes)
_BY_TYPE[Meeting] = every_field(Meeting, threads=sizes, before_line=st.integers(0, 99999))
_BY_TYPE[SiteBytes] = every_field(SiteBytes, threads=sizes)
_BY_TYPE[Reading] = every_field(Reading, calls=sizes)
_BY_TYPE[LeakFinding] = every_field(
    LeakFinding, calls=sizes, judged_from_calls=sizes, orders=st.lists(sizes, max_size=3).map(tuple)
)
_BY_TYPE[Creep] = every_field(Creep, metric=st.sampled_from(list(METRICS)))


@st.composite
def results(draw: st.DrawFn) -> TestResult:
    """Make one result whose verdict speaks of what was measured."""
    measured = draw(st.dictionaries(st.sampled_from(list(METRICS)), signed, max_size=5))
    judged = draw(st.sets(st.sampled_from(sorted(measured)))) if measured else set()
    verdicts = [
        draw(every_field(MetricVerdict, name=st.just(name), measured=st.just(measured[name])))
        for name in METRICS
        if name in judged
    ]
    measurement = every_field(
        Measurement, samples=st.integers(1, 9), metrics=st.just(measured), spread=sized, first_cost=sized
    )
    return draw(
        every_field(
            TestResult,
            id=ids.filter(bool),
            profile=st.just("") | files,
            line=st.integers(0, 99999),
            verdict=every_field(Verdict, metrics=st.just(tuple(verdicts))),
            measurement=measurement if judged else st.none() | measurement,
        )
    )


runs = every_field(
    RunResults,
    environment=st.just(ENVIRONMENT),
    tests=st.lists(results(), max_size=3, unique_by=lambda result: result.id).map(tuple),
    made_with=st.dictionaries(ids, ids, max_size=2),
    problems=st.lists(every_field(RunProblem), max_size=2, unique=True).map(tuple),
)
