"""The gate is one pure function: properties that hold for every measurement, entry and policy."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.core.entries import Entry, EntrySite
from pytest_memguard.core.leak_finding import Bound, CountGrowth, Doubt, LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.policy import Policy, parse_tolerances
from pytest_memguard.core.sites import Site, SiteBytes
from pytest_memguard.core.tolerance import DEFAULT_TOLERANCE, Tolerance
from pytest_memguard.core.verdict import LineBytes, Quarantine
from pytest_memguard.gate.grown_sites import SHOWN_SITES
from pytest_memguard.gate.judge import (
    SPREAD_FACTOR,
    has_settled_higher,
    is_leak_in_doubt,
    judge,
    without_leak_check,
)
from pytest_memguard.gate.wording import doubts_text, growth_text, metric_text

SIZES = st.integers(0, 2**40)
TOLERANCES = st.builds(Tolerance, st.floats(0, 2), st.integers(0, 2**20))
KIB = 1024


def measured(peak: int, retained: int = 0, **more: int) -> Measurement:
    return Measurement("memray", 3, {"peak": peak, "retained": retained, **more})


def entry(peak: int, retained: int = 0, **more: int) -> Entry:
    return Entry({"peak": peak, "retained": retained, **more})


def policy(tolerance: Tolerance) -> Policy:
    return Policy(tolerances={"peak": tolerance, "retained": tolerance})


@pytest.mark.parametrize(("now", "outcome"), [(100, Outcome.UNGUARDED), (10**6, Outcome.GREW)])
def test_a_lost_leak_check_is_told_unless_something_worse_is(now: int, outcome: Outcome) -> None:
    verdict = judge(measured(now), entry(100, settled=0, leak_per_call=0), Policy())
    assert without_leak_check(verdict).outcome is outcome


@pytest.mark.parametrize(
    ("held_by", "where"),
    [
        ((), "in no container that is known"),
        (("shop._OPEN", "list, 9 entries"), "in shop._OPEN > list, 9 entries"),
    ],
)
def test_a_check_without_an_answer_says_where_memory_stayed_behind(
    held_by: tuple[str, ...], where: str
) -> None:
    finding = LeakFinding(False, 0, 17, settled_bytes=KIB, held_by=held_by, doubts=(Doubt.NO_HOLDER,))
    said = "memory grew over 17 calls, and 1.0 KiB stayed behind, "
    assert doubts_text(finding).startswith(f"{said}{where}: a cache that still fills would look the same")


@given(SIZES, SIZES)
def test_what_was_accepted_is_ok_whatever_the_numbers(peak: int, retained: int) -> None:
    assert judge(measured(peak, retained), entry(peak, retained), Policy()).outcome is Outcome.OK


@given(SIZES, SIZES, TOLERANCES)
def test_growth_must_exceed_both_parts_of_the_tolerance(now: int, was: int, tolerance: Tolerance) -> None:
    grew = judge(measured(now), entry(was), policy(tolerance)).outcome is Outcome.GREW
    assert grew == (now - was > tolerance.absolute_bytes and now - was > int(was * tolerance.relative))


@given(SIZES, SIZES, SIZES, TOLERANCES)
def test_more_memory_is_never_judged_better(one: int, other: int, was: int, tolerance: Tolerance) -> None:
    order = [Outcome.IMPROVED, Outcome.OK, Outcome.GREW]
    less, more = sorted((one, other))
    outcomes = [judge(measured(now), entry(was), policy(tolerance)).outcome for now in (less, more)]
    assert order.index(outcomes[0]) <= order.index(outcomes[1])


@given(SIZES, SIZES, SIZES)
def test_a_wider_spread_never_turns_a_pass_into_a_failure(now: int, was: int, spread: int) -> None:
    narrow = judge(measured(now), entry(was), Policy())
    wide = judge(measured(now), replace(entry(was), spread={"peak": spread}), Policy())
    if narrow.outcome is not Outcome.GREW:
        assert wide.outcome is not Outcome.GREW
    tolerated = max(DEFAULT_TOLERANCE.allowance_bytes(was), min(SPREAD_FACTOR * spread, most(was, 4, 64)))
    cannot_tell = max(tolerated, min(SPREAD_FACTOR * spread, most(was, 1, 128)))
    assert (wide.outcome is Outcome.GREW) == (now - was > cannot_tell)
    assert (wide.outcome is Outcome.NOT_MEASURED) == (tolerated < now - was <= cannot_tell)


def most(size: int, divisor: int, kib: int) -> int:
    return max(size // divisor, kib * KIB)


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (1_000_000, Outcome.OK),
        (1_250_000, Outcome.OK),
        (1_250_001, Outcome.NOT_MEASURED),
        (2_000_000, Outcome.NOT_MEASURED),
        (2_000_001, Outcome.GREW),
        (70_000_000, Outcome.GREW),
    ],
)
def test_an_outlier_at_accepting_does_not_make_the_gate_blind_in_silence(now: int, outcome: Outcome) -> None:
    noisy = replace(entry(1_000_000), spread={"peak": 39_000_000})
    verdict = judge(measured(now), noisy, Policy())
    assert verdict.outcome is outcome
    peak = verdict.metric("peak")
    assert peak is not None
    assert peak.noise == 78_000_000, "every summary tells it, whatever the outcome"
    asked_for = Policy(tolerances={"peak": Tolerance(relative=100)})
    tolerant = judge(measured(now), noisy, asked_for).metric("peak")
    assert tolerant is not None
    assert (tolerant.outcome, tolerant.noise) == (Outcome.OK, 0), "who asks for it knows"


@given(SIZES, st.none() | SIZES, SIZES)
def test_a_limit_needs_no_baseline_and_beats_one(now: int, was: int | None, most: int) -> None:
    accepted = None if was is None else entry(was)
    verdict = judge(measured(now), accepted, Policy(limits={"peak": most}))
    assert (verdict.outcome is Outcome.OVER_LIMIT) == (now > most)


@given(SIZES, st.booleans())
def test_without_an_entry_a_test_is_new_or_has_no_baseline(now: int, has_baseline: bool) -> None:
    verdict = judge(measured(now), None, Policy(), has_baseline=has_baseline)
    assert verdict.outcome is (Outcome.NEW if has_baseline else Outcome.NO_BASELINE)


@given(SIZES, SIZES)
def test_an_entry_of_another_meter_is_compared_with_nothing(now: int, was: int) -> None:
    """The marker's `meter` may change from one commit to the next, for better or worse."""
    accepted = replace(entry(was), meter="other")
    verdict = judge(measured(now), accepted, Policy(on_growth="warn"))
    assert (verdict.outcome, verdict.quarantine) == (Outcome.NO_BASELINE, None)
    assert "was measured with other" in verdict.reason
    assert judge(measured(now), accepted, Policy(limits={"peak": 0})).outcome in (
        Outcome.OVER_LIMIT,
        Outcome.NO_BASELINE,
    )


@given(SIZES, SIZES)
def test_a_failure_says_both_numbers_and_a_pass_says_nothing(now: int, was: int) -> None:
    verdict = judge(measured(now), entry(was), Policy())
    if verdict.outcome is Outcome.OK:
        assert verdict.reason == ""
        return
    assert verdict.reason.startswith("peak ")
    shown = verdict.reason.removeprefix("peak ")
    figure, _, rest = shown.partition(", was ")
    assert figure != rest.partition(" (")[0]


@given(SIZES, SIZES)
def test_judging_is_pure(now: int, was: int) -> None:
    first, second = (judge(measured(now), entry(was), Policy()) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("now", "was", "outcome"),
    [
        (16 * KIB, 0, Outcome.OK),
        (16 * KIB + 1, 0, Outcome.GREW),
        (101_000_000, 100_000_000, Outcome.OK),
        (101_000_001, 100_000_000, Outcome.GREW),
        (99_000_000, 100_000_000, Outcome.OK),
        (98_999_999, 100_000_000, Outcome.IMPROVED),
        (0, 16 * KIB + 1, Outcome.IMPROVED),
    ],
)
def test_the_default_tolerance_to_the_byte(now: int, was: int, outcome: Outcome) -> None:
    assert judge(measured(now), entry(was), Policy()).outcome is outcome


def test_the_worst_metric_decides_and_is_told() -> None:
    verdict = judge(measured(0, 500_000), entry(1_000_000, 0), Policy())
    assert verdict.outcome is Outcome.GREW
    assert verdict.reason == "retained 488.3 KiB, was 0 B (limit 16.0 KiB)"
    by_metric = {metric.name: metric.outcome for metric in verdict.metrics}
    assert by_metric == {"peak": Outcome.IMPROVED, "retained": Outcome.GREW}


@pytest.mark.parametrize(("first_bytes", "is_said"), [(40 * KIB, False), (600 * KIB, True)])
def test_a_cache_that_lost_its_bound_is_no_plain_improvement(first_bytes: int, is_said: bool) -> None:
    kept_from_the_first_call_on = replace(measured(272), first_cost={"peak": first_bytes})
    verdict = judge(kept_from_the_first_call_on, entry(50 * KIB), Policy())
    assert verdict.outcome is Outcome.IMPROVED
    assert ("only later calls improved: the first took 600.3 KiB" in verdict.reason) is is_said


@pytest.mark.parametrize(
    ("now", "was", "said"),
    [
        (48_200_000, 31_000_000, "peak 46.0 MiB, was 29.6 MiB (+55.5%, limit 29.9 MiB)"),
        (1_000_000, 33, "peak 976.6 KiB, was 33 B (limit 16.0 KiB)"),
        (1_099_000, 100_000, "peak 1.0 MiB, was 97.7 KiB (+999%, limit 113.7 KiB)"),
        (1_100_000, 100_000, "peak 1.0 MiB, was 97.7 KiB (limit 113.7 KiB)"),
        (50_000_000, 100_000_000, "peak 47.7 MiB, was 95.4 MiB (-50%, limit 96.3 MiB)"),
    ],
)
def test_a_percentage_is_told_where_it_says_something(now: int, was: int, said: str) -> None:
    assert judge(measured(now), entry(was), Policy()).reason == said


@pytest.mark.parametrize(
    ("until", "quarantine"),
    [
        (None, Quarantine()),
        (dt.date(2027, 2, 1), Quarantine(dt.date(2027, 2, 1))),
        (dt.date(2027, 1, 31), Quarantine(dt.date(2027, 1, 31), is_over=True)),
        (dt.date(2027, 1, 30), Quarantine(dt.date(2027, 1, 30), is_over=True)),
    ],
)
def test_growth_is_quarantined_up_to_its_day(until: dt.date | None, quarantine: Quarantine) -> None:
    warning = Policy(on_growth="warn", until=until)
    today = dt.date(2027, 1, 31)
    verdict = judge(measured(10**6), entry(100), warning, today=today)
    assert verdict.outcome is Outcome.GREW
    assert verdict.quarantine == quarantine
    assert verdict.is_quarantined is not quarantine.is_over
    assert judge(measured(100), entry(100), warning, today=today).quarantine is None
    assert (
        judge(measured(10**6), entry(100), replace(warning, on_growth="fail"), today=today).quarantine is None
    )


@pytest.mark.parametrize(("settled", "outcome"), [(10_000_000, Outcome.OK), (10_000_001, Outcome.OVER_LIMIT)])
def test_what_calls_settle_at_is_limited_without_a_baseline(settled: int, outcome: Outcome) -> None:
    now = Measurement("memray", 1, {"peak": 0, "settled": settled})
    verdict = judge(now, None, Policy(tolerances={}, limits={"settled": 10_000_000}))
    assert verdict.outcome is outcome
    assert has_settled_higher(verdict) is (outcome is Outcome.OVER_LIMIT)
    if outcome is Outcome.OVER_LIMIT:
        assert verdict.reason == "settled 10,000,001 B, over max_settled = 10,000,000 B"


@pytest.mark.parametrize(
    ("settles_at", "doubt", "outcome"),
    [
        (642, 0, Outcome.OK),
        (674, 0, Outcome.OK),
        (677, 0, Outcome.GREW),
        (677, 5, Outcome.OK),
        (900, 400, Outcome.GREW),
    ],
)
def test_what_a_cache_fills_up_to_varies_as_a_rate_does(
    settles_at: int, doubt: int, outcome: Outcome
) -> None:
    mib = 1024**2
    bound = Bound("shop.price", entries=9, at_most=10**6, settles_at_bytes=settles_at * mib)
    leak = LeakFinding(leaking=False, bytes_per_call=0, calls=9, doubt_bytes=doubt * mib, bounds=(bound,))
    measured = Measurement("memray", 2, {"settled": settles_at * mib}, leak=leak)
    assert judge(measured, Entry({"settled": 642 * mib}), Policy()).outcome is outcome


def test_allocations_are_recorded_and_gated_only_where_asked_to() -> None:
    now, was = measured(10, allocations=50), entry(10, allocations=5)
    assert judge(now, was, Policy()).outcome is Outcome.OK
    gated = Policy(tolerances=parse_tolerances({"allocations": "10%"}))
    verdict = judge(now, was, gated)
    assert verdict.outcome is Outcome.GREW
    assert verdict.reason == "allocations 50, was 5 (+900%, limit 5)"


def test_more_allocations_are_explained_by_what_sites_hold_at_the_peak() -> None:
    def site(name: str, peak_bytes: int) -> SiteBytes:
        return SiteBytes(Site(f"shop/{name}.py", 1, "put"), peak_bytes)

    now = replace(measured(140_000, allocations=50), sites=(site("same", 90_000), site("more", 50_000)))
    was = replace(
        entry(140_000, allocations=5),
        sites=(EntrySite("shop/same.py:put", 90_000), EntrySite("shop/more.py:put", 10_000)),
    )
    verdict = judge(now, was, Policy(tolerances=parse_tolerances({"allocations": "10%"})))
    assert [(one.site.file, one.grew_by_bytes) for one in verdict.sites] == [("shop/more.py", 40_000)]


def test_sites_are_compared_by_file_and_function_and_the_largest_growth_is_first() -> None:
    sites = tuple(
        SiteBytes(Site(f"shop/{name}.py", line, "put"), peak)
        for name, line, peak in [("a", 1, 500), ("b", 2, 90_000), ("b", 9, 10_000), ("c", 3, 40_000)]
    )
    now = replace(measured(140_500), sites=sites)
    was = replace(entry(50_000), sites=(EntrySite("shop/c.py:put", 35_000), EntrySite("shop/a.py:put", 500)))
    grown = judge(now, was, Policy()).sites
    assert [(one.site.file, one.site.line, one.grew_by_bytes, one.was_bytes) for one in grown] == [
        ("shop/b.py", 2, 100_000, None),
        ("shop/c.py", 3, 5_000, 35_000),
    ]
    many = replace(
        now, sites=tuple(SiteBytes(Site(f"{n}.py", 1, "f"), 10_000) for n in range(3 * SHOWN_SITES))
    )
    assert len(judge(many, entry(0), Policy()).sites) == SHOWN_SITES
    assert judge(now, replace(was, metrics=dict(now.metrics)), Policy()).sites == ()


@pytest.mark.parametrize(
    ("lines", "was_kib", "named"),
    [
        ({1: 900}, 600, [(1, 300, 600)]),
        ({1: 600, 5: 300}, 600, [(5, 300, 600)]),
        ({1: 600, 5: 300}, 590, [(5, 310, 590)]),
        ({1: 600, 5: 600}, 600, [(1, 600, 600)]),
        ({5: 293, 6: 293, 7: 557}, 557, [(5, 293, None), (6, 293, None)]),
        ({5: 230, 6: 820}, 570, [(6, 480, 570)]),
        ({1: 600, 5: 300, 6: 200}, 600, [(5, 300, None), (6, 200, None)]),
        ({1: 600, 5: 300, 6: 200}, 300, [(1, 600, None), (6, 200, None)]),
        ({1: 600, 5: 300}, 500, [(1, 400, 500)]),
        ({1: 600, 5: 10}, 590, [(1, 20, 590)]),
        ({1: 600, 5: 100, 6: 100, 7: 100, 8: 100}, 600, [(n, 100, None) for n in (5, 6, 7, 8)]),
        ({1: 600, 5: 300}, 0, [(1, 900, None)]),
    ],
)
def test_the_lines_of_a_function_that_hold_what_it_grew_by_are_named(
    lines: dict[int, int], was_kib: int, named: list[tuple[int, int, int | None]]
) -> None:
    sites = tuple(SiteBytes(Site("a.py", line, "put"), held_kib * KIB) for line, held_kib in lines.items())
    now = replace(measured(sum(lines.values()) * KIB), sites=sites)
    was = replace(entry(was_kib * KIB), sites=(EntrySite("a.py:put", was_kib * KIB),))
    grown = judge(now, was, Policy()).sites
    assert [
        (one.site.line, one.grew_by_bytes // KIB, one.was_bytes and one.was_bytes // KIB) for one in grown
    ] == named


def test_where_any_line_of_a_function_may_have_grown_all_are_told() -> None:
    held = {5: 230, 6: 820, 9: 1}
    sites = tuple(SiteBytes(Site("a.py", line, "put"), held_kib * KIB) for line, held_kib in held.items())
    was = replace(entry(570 * KIB), sites=(EntrySite("a.py:put", 570 * KIB),))
    (grown,) = judge(replace(measured(1051 * KIB), sites=sites), was, Policy()).sites
    assert grown.lines == (LineBytes(6, 820 * KIB), LineBytes(5, 230 * KIB))
    (grown,) = judge(replace(measured(900 * KIB), sites=sites[1:2]), was, Policy()).sites
    assert grown.lines == ()


def leak(rate: int, **more: object) -> Measurement:
    finding = LeakFinding(leaking=rate > 0, bytes_per_call=rate, calls=1000, **more)  # type: ignore[arg-type]  # fields by name
    return replace(measured(10, settled=0, leak_per_call=rate), leak=finding)


@pytest.mark.parametrize(
    ("rate", "accepted", "most", "outcome"),
    [
        (1, None, None, Outcome.LEAKED),
        (0, None, None, Outcome.NEW),
        (100, 0, None, Outcome.LEAKED),
        (100, 100, None, Outcome.OK),
        (116, 100, None, Outcome.OK),
        (117, 100, None, Outcome.LEAKED),
        (10_500, 10_000, None, Outcome.OK),
        (10_501, 10_000, None, Outcome.LEAKED),
        (0, 100, None, Outcome.IMPROVED),
        (84, 100, None, Outcome.OK),
        (83, 100, None, Outcome.IMPROVED),
        (100, None, 100, Outcome.NEW),
        (101, None, 100, Outcome.LEAKED),
    ],
)
def test_a_leak_fails_unless_its_rate_is_accepted_or_allowed(
    rate: int, accepted: int | None, most: int | None, outcome: Outcome
) -> None:
    was = None if accepted is None else entry(10, settled=0, leak_per_call=accepted)
    limits = {} if most is None else {"leak_per_call": most}
    assert judge(leak(rate), was, Policy(leaks=True, limits=limits)).outcome is outcome


def test_a_leak_of_more_than_an_argument_allows_says_how_much_that_is() -> None:
    verdict = judge(leak(101), None, Policy(leaks=True, limits={"leak_per_call": 64}))
    assert verdict.reason.startswith("101 B a call, ")
    assert verdict.reason.endswith(", over max_leak_per_call = 64 B")
    accepted = judge(leak(300), entry(10, settled=0, leak_per_call=100), Policy(leaks=True))
    assert accepted.reason.endswith(", accepted 100 B a call")


def test_the_lines_of_a_leak_are_told_beside_an_entry_whose_function_retains_more_than_a_call_leaks() -> None:
    sites = tuple(SiteBytes(Site("shop/a.py", line, "put"), 0, held) for line, held in [(5, 90), (6, 30)])
    was = replace(entry(10, settled=0, leak_per_call=0), sites=(EntrySite("shop/a.py:put", 10, 80),))
    for accepted in (was, replace(was, sites=(EntrySite("shop/a.py:put", 10, 5_000),))):
        (told,) = judge(leak(120, sites=sites), accepted, Policy(leaks=True)).sites
        assert (told.grew_by_bytes, told.was_bytes) == (120, None)
        assert told.lines == (LineBytes(5, 90), LineBytes(6, 30))


def test_many_files_a_call_are_written_as_a_number() -> None:
    verdict = judge(leak(0, counts=(CountGrowth("files", 1000.0),)), None, Policy(leaks=True))
    assert verdict.reason.startswith("1,000 files a call, ")


@pytest.mark.parametrize(
    ("rate", "doubt", "accepted", "spread", "outcome"),
    [
        (790, 470, 320, 0, Outcome.OK),  # the tables were not made anew where it was accepted
        (320, 0, 790, 470, Outcome.OK),  # and are not here
        (1_580, 940, 790, 470, Outcome.LEAKED),  # everything twice
        (1_110, 470, 320, 0, Outcome.LEAKED),  # the objects twice
        (1_100, 0, 1_000, 60, Outcome.OK),
        (1_121, 0, 1_000, 60, Outcome.LEAKED),
        (1_251, 0, 1_000, 400, Outcome.LEAKED),  # what is known must not hide another one
    ],
)
def test_the_tables_of_a_leaks_containers_count_where_the_accepted_rate_has_them(
    rate: int, doubt: int, accepted: int, spread: int, outcome: Outcome
) -> None:
    was = replace(entry(10, settled=0, leak_per_call=accepted), spread={"leak_per_call": spread})
    now = replace(leak(rate), spread={"leak_per_call": doubt})
    assert judge(now, was, Policy(leaks=True)).outcome is outcome


@pytest.mark.parametrize(
    ("rate", "accepted", "most", "doubtful"),
    [
        (1_040, 1_000, None, False),
        (1_100, 1_000, None, True),
        (2_101, 1_000, None, False),
        (100, 0, None, False),
        (100, None, None, False),
        (100, None, 90, True),
    ],
)
def test_a_known_leak_that_grew_a_little_is_read_twice(
    rate: int, accepted: int | None, most: int | None, doubtful: bool
) -> None:
    was = None if accepted is None else entry(10, settled=0, leak_per_call=accepted)
    limits = {} if most is None else {"leak_per_call": most}
    verdict = judge(leak(rate), was, Policy(leaks=True, limits=limits))
    assert is_leak_in_doubt(verdict) is doubtful


def test_the_line_that_leaves_a_file_behind_is_a_site() -> None:
    site = Site("shop/feed.py", 12, "read")
    verdict = judge(leak(0, counts=(CountGrowth("files", 1.0, site),)), None, Policy(leaks=True))
    assert [(one.site, growth_text(one)) for one in verdict.sites] == [(site, "+1 file")]


@pytest.mark.parametrize(
    ("counts", "accepted", "outcome"),
    [
        ({"files": 1.0}, {"files": 1000}, Outcome.OK),
        ({"files": 1.05}, {"files": 1000}, Outcome.OK),
        ({"files": 2.0}, {"files": 1000}, Outcome.LEAKED),
        ({"files": 1.0, "threads": 0.02}, {"files": 1000}, Outcome.LEAKED),
        ({}, {"files": 1000}, Outcome.IMPROVED),
        ({"files": 1.0}, {"files": 1000, "threads": 20}, Outcome.IMPROVED),
    ],
)
def test_what_leaks_beside_bytes_is_accepted_with_its_rate(
    counts: dict[str, float], accepted: dict[str, int], outcome: Outcome
) -> None:
    now = leak(0, counts=tuple(CountGrowth(unit, per_call) for unit, per_call in counts.items()))
    was = replace(entry(10, settled=0, leak_per_call=0), leaks_per_1000_calls=accepted)
    verdict = judge(now, was, Policy(leaks=True))
    assert verdict.outcome is outcome
    if outcome is Outcome.LEAKED:
        assert verdict.reason.endswith("over 1,000 calls, accepted 1 file a call")


@pytest.mark.parametrize(
    ("unit", "per_call", "said"),
    [
        ("threads", 1.0, "1 thread"),
        ("threads", 0.5, "0.5 threads"),
        ("files", 0.9999, "1 file"),
        ("files", 2.0, "2 files"),
        ("children", 1.0, "1 child process"),
        ("children", 3.0, "3 child processes"),
        ("uncollectable objects", 1.0, "1 uncollectable object"),
    ],
)
def test_what_grows_beside_bytes_is_a_leak_in_its_own_unit(unit: str, per_call: float, said: str) -> None:
    verdict = judge(leak(0, counts=(CountGrowth(unit, per_call),)), entry(10), Policy(leaks=True))
    assert verdict.outcome is Outcome.LEAKED
    assert verdict.reason == f"{said} a call, steady over 1,000 calls"


def test_a_leak_whose_calls_leave_more_and_more_is_not_called_steady() -> None:
    verdict = judge(leak(2048, is_accelerating=True), entry(10), Policy(leaks=True))
    assert verdict.reason == "2.0 KiB a call, rising over 1,000 calls"


def test_a_limit_on_a_count_is_written_as_a_count_everywhere() -> None:
    limits = Policy(limits={"peak": 1000, "allocations": 0})
    verdict = judge(measured(5000, allocations=35), None, limits)
    told = [metric_text(judged) for judged in verdict.metrics if judged.outcome is Outcome.OVER_LIMIT]
    assert told == ["peak 4.9 KiB, over max_peak = 1000 B", "allocations 35, over max_allocations = 0"]
    assert verdict.reason == told[0]
