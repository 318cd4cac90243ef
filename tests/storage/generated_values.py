"""Generated entries, results and names, hostile ones included."""

from __future__ import annotations

from hypothesis import strategies as st

from pytest_memguard.model import (
    COUNTED_UNITS,
    METRICS,
    CountGrowth,
    Entry,
    EntrySite,
    GrownSite,
    LeakFinding,
    Measurement,
    MetricVerdict,
    Outcome,
    Site,
    SiteBytes,
    Verdict,
)
from pytest_memguard.run_results import RunProblem, RunResults, TestResult
from pytest_memguard.storage.baseline import ModuleBaseline

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
sized = st.dictionaries(st.sampled_from(METRICS), sizes, max_size=5)
entries = st.builds(
    Entry,
    metrics=st.dictionaries(st.sampled_from(METRICS), sizes, min_size=1, max_size=5),
    spread=sized,
    note=ids,
    sites=st.lists(st.builds(EntrySite, at=ids, peak_bytes=sizes, retained_bytes=sizes), max_size=3).map(
        tuple
    ),
    leaks_per_1000_calls=st.dictionaries(st.sampled_from(COUNTED_UNITS), sizes, max_size=4),
)
modules = st.builds(
    ModuleBaseline,
    module=st.just("tests/test_x.py"),
    meter=ids,
    made_with=st.dictionaries(ids, ids, max_size=3),
    entries=st.dictionaries(ids, entries, max_size=4),
)

signed = st.integers(-(2**63) + 1, 2**63 - 1)
files = st.sampled_from(["shop/cache.py", "json/decoder.py", "<string>", "ünï.py", "with space/x.py"])
sites = st.builds(Site, file=files, line=st.integers(0, 99999), function=ids)
site_bytes = st.builds(
    SiteBytes, site=sites, peak_bytes=signed, retained_bytes=signed, inner=st.none() | sites
)
texts = st.lists(ids, max_size=2).map(tuple)
counted = st.builds(
    CountGrowth,
    unit=ids,
    per_call=st.floats(allow_nan=False, allow_infinity=False),
    site=st.none() | sites,
)
leaks = st.builds(
    LeakFinding,
    leaking=st.booleans(),
    bytes_per_call=signed,
    calls=sizes,
    settled_bytes=signed,
    counts=st.lists(counted, max_size=2).map(tuple),
    signals=texts,
    sites=st.lists(site_bytes, max_size=2).map(tuple),
    held_by=texts,
    note=ids,
    is_accelerating=st.booleans(),
)
grown_sites = st.builds(
    GrownSite,
    site=sites,
    size_bytes=signed,
    grew_by_bytes=signed,
    was_bytes=st.none() | signed,
    inner=st.none() | sites,
    counted=st.none() | counted,
)


@st.composite
def results(draw: st.DrawFn) -> TestResult:
    """Make one result whose verdict speaks of what was measured."""
    measured = draw(st.dictionaries(st.sampled_from(METRICS), signed, max_size=5))
    judged = draw(st.sets(st.sampled_from(sorted(measured)))) if measured else set()
    verdicts = [
        MetricVerdict(
            name=name,
            measured=measured[name],
            outcome=draw(st.sampled_from(list(Outcome))),
            baseline=draw(st.none() | signed),
            limit=draw(st.none() | signed),
            rule=draw(ids),
        )
        for name in METRICS
        if name in judged
    ]
    measurement = Measurement(
        meter=draw(ids),
        samples=draw(st.integers(1, 9)),
        metrics=measured,
        spread=draw(sized),
        first_cost=draw(sized),
        sites=draw(st.lists(site_bytes, max_size=2).map(tuple)),
        leak=draw(st.none() | leaks),
        notes=draw(texts),
    )
    return TestResult(
        id=draw(ids.filter(bool)),
        verdict=Verdict(
            outcome=draw(st.sampled_from(list(Outcome))),
            reason=draw(ids),
            metrics=tuple(verdicts),
            sites=draw(st.lists(grown_sites, max_size=2).map(tuple)),
        ),
        measurement=measurement if draw(st.booleans()) or judged else None,
        fails=draw(st.booleans()),
        hints=draw(texts),
        note=draw(ids),
    )


runs = st.builds(
    RunResults,
    environment=st.just(ENVIRONMENT),
    tests=st.lists(results(), max_size=3, unique_by=lambda result: result.id).map(tuple),
    meter=ids,
    made_with=st.dictionaries(ids, ids, max_size=2),
    problems=st.lists(
        st.builds(RunProblem, kind=ids, sentence=ids, fails=st.booleans()), max_size=2, unique=True
    ).map(tuple),
    advisory=st.booleans(),
    baseline_dir=ids,
)
