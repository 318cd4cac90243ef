"""Runs as a page shows them: one of everything, thousands that are ok, and names that mean harm."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.history import Commit, HistoryStep, TestHistory
from pytest_memguard.core.leak_finding import LeakFinding, Reading
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults, TestResult
from pytest_memguard.core.sample import Curve
from pytest_memguard.core.sites import Meeting, Site
from pytest_memguard.core.units import KIB, MIB
from pytest_memguard.core.verdict import Verdict
from tests.reports.made_results import leaked, result, run

CALLS = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3000, 4096, 5200, 6200, 8200, 10400, 12400]


def grown() -> TestResult:
    """Make a test that grew, with its curve and the accepted one."""
    test = result("tests/test_cache.py::test_lookup[1000]", Outcome.GREW, measured=48 * MIB, note="see #482")
    assert test.measurement is not None
    met = Meeting(8, 6 * MIB, Site("shop/cache.py", 20, "refresh"), before_line=24)
    sites = tuple(replace(site, met=met) for site in test.verdict.sites)
    curve = Curve("records", 182_000, tuple(48 * MIB * n // 90 for n in range(90)))
    accepted = Curve("records", 170_000, tuple(31 * MIB * n // 80 for n in range(80)))
    return replace(
        test,
        verdict=replace(test.verdict, sites=sites),
        measurement=replace(test.measurement, curve=curve),
        accepted_curve=accepted,
        profile=".memguard/profiles/test_cache.bin",
    )


def history() -> TestHistory:
    """Make what was accepted of the test that grew: a new entry, two steps up, one down."""
    entries = [
        Entry({"peak": peak * MIB}, note=note)
        for peak, note in ((20, ""), (26, "more rows"), (34, ""), (31, ""))
    ]
    commits = [
        Commit(f"{number:040x}", 1_780_000_000 + number * 2_000_000, "A. Person", f"Change {number}")
        for number in range(len(entries))
    ]
    was = (None, *entries)
    test_id = grown().id
    steps = tuple(
        HistoryStep(commit, test_id, old, new)
        for commit, old, new in zip(commits, was, entries, strict=False)
    )
    return TestHistory(test_id, steps)


def leaking() -> TestResult:
    """Make a test that leaks, with the readings of its check."""
    return _read(
        leaked("tests/test_cache.py::test_session", "shop.session._OPEN (dict)", "Session.rows"), _steady
    )


def filling() -> TestResult:
    """Make a test whose cache fills and then holds no more."""
    test = result("tests/test_cache.py::test_fills")
    assert test.measurement is not None
    leak = LeakFinding(leaking=False, bytes_per_call=0, calls=12_400, settled_bytes=2 * MIB)
    return _read(replace(test, measurement=replace(test.measurement, leak=leak)), _levelling)


def _steady(calls: int) -> int:
    return 40_000 + 1_229 * calls


def _levelling(calls: int) -> int:
    return int(2 * MIB * (1 - math.exp(-calls / 1500)))


def _read(test: TestResult, held: object) -> TestResult:
    measured = test.measurement
    assert measured is not None
    assert measured.leak is not None
    assert callable(held)
    readings = tuple(Reading(calls, held(calls)) for calls in CALLS)
    leak = replace(measured.leak, readings=readings, judged_from_calls=6_200)
    return replace(test, measurement=replace(measured, leak=leak))


def one_of_everything() -> RunResults:
    """Make a run with a test of each kind that the page shows in a way of its own."""
    no_meter = Verdict(Outcome.NOT_MEASURED, "memray could not start: another tracker is active.")
    return run(
        grown(),
        leaking(),
        filling(),
        result("tests/test_a.py::test_new", Outcome.NEW, baseline=None),
        result("tests/test_a.py::test_better", Outcome.IMPROVED, measured=20 * MIB),
        TestResult("tests/test_a.py::test_blind", no_meter),
    )


def many(number: int) -> Iterator[TestResult]:
    """Make tests that are ok, and a test that grew at the end."""
    for count in range(number - 1):
        size = 5 * KIB + count * 7919 % 9000 * KIB
        yield result(f"tests/unit/test_{count % 40}.py::test_case[{count}]", measured=size, baseline=size)
    yield grown()


HOSTILE = (
    "tests/t.py::test_x[</script><script>window.hacked=1</script>]",
    "tests/t.py::test_x[<!--<script>]",
    "tests/t.py::test_x[<img src=x onerror=window.hacked=1>]",
    "tests/t.py::test_x[{{ 7 * 7 }}{% raw %}|`${window.hacked=1}`]",
    "tests/t.py::test_x[\"'&amp;]",
    "tests/t.py::test_x[\x1b[31mred\x07]",
    "tests/t.py::test_x[\u202egnp.exe\u2028\u2029]",
    "__proto__",
    "constructor::toString",
    f"tests/t.py::test_x[{'w' * 10_000}]",
)


def hostile() -> RunResults:
    """Make a run whose every text is one that means harm."""
    tests = [
        replace(
            result(name, Outcome.GREW, measured=40 * MIB, reason=name, file=name, function=name, note=name),
            hints=(name,),
        )
        for name in HOSTILE
    ]
    return run(*tests, _extreme(), leaked("tests/t.py::held", *HOSTILE))


def _extreme() -> TestResult:
    """Make a test whose figures are the largest and the smallest that results can hold, in no order."""
    test = leaking()
    assert test.measurement is not None
    assert test.measurement.leak is not None
    ends = (2**63 - 1, -(2**63) + 1, 0, 1)
    leak = replace(
        test.measurement.leak,
        bytes_per_call=ends[0],
        readings=tuple(Reading(calls, held) for calls in (5, 2**63 - 1, 0, 5) for held in ends),
        judged_from_calls=2**63 - 1,
    )
    curve = Curve("ms", 2**63 - 1, ends * 256)
    measurement = replace(test.measurement, leak=leak, curve=curve)
    empty = Curve("records", 0, (0,))
    return replace(test, id="tests/t.py::extreme", measurement=measurement, accepted_curve=empty)
