from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_memguard.core.changes import Change
from pytest_memguard.core.entries import Entry, EntrySite
from pytest_memguard.core.errors import NothingToJudgeError
from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults, TestResult
from pytest_memguard.core.sites import Site, SiteBytes
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.storage.accepting import (
    STORED_SITES,
    Acceptance,
    entry_from,
    plan_acceptance,
    plan_removal,
    select,
)

KIB = 1024


def measured(peak: int = 100_000, sites: tuple[SiteBytes, ...] = ()) -> Measurement:
    return Measurement("memray", 2, {"allocations": 3, "retained": 0, "peak": peak}, sites=sites)


def result(test_id: str, outcome: Outcome, peak: int = 100_000) -> TestResult:
    unmeasured = outcome in (Outcome.NOT_MEASURED, Outcome.STALE)
    return TestResult(test_id, Verdict(outcome, "because"), None if unmeasured else measured(peak))


def run_of(*tests: TestResult) -> RunResults:
    return RunResults("cpython-3.11-linux-x86_64", tests)


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("everything", [False, True])
def test_only_outcomes_that_ask_for_it_change(outcome: Outcome, everything: bool) -> None:
    changes = plan_acceptance(run_of(result("t.py::a", outcome)), {}, Acceptance(everything=everything))
    measured_ok = everything and outcome in (Outcome.OK, Outcome.CREPT)
    assert [change.test_id for change in changes] == (
        ["t.py::a"] if outcome.changes_entry or measured_ok else []
    )


def test_a_result_that_claims_a_measurement_it_cannot_have_is_not_accepted() -> None:
    hostile = replace(result("t.py::a", Outcome.NOT_MEASURED), measurement=measured())
    assert plan_acceptance(run_of(hostile), {}, Acceptance(everything=True)) == []


def test_numbers_that_are_accepted_already_are_no_change() -> None:
    run = run_of(result("t.py::a", Outcome.OVER_LIMIT))
    assert plan_acceptance(run, {"t.py::a": entry_from(measured())}) == []
    assert len(plan_acceptance(run, {"t.py::a": entry_from(measured(5))})) == 1


def test_changes_are_sorted_by_test() -> None:
    run = run_of(result("t.py::b", Outcome.NEW), result("t.py::a", Outcome.GREW))
    assert [change.test_id for change in plan_acceptance(run, {})] == ["t.py::a", "t.py::b"]


def test_an_entry_holds_the_floor_in_the_order_of_writing() -> None:
    assert list(entry_from(measured()).metrics.items()) == [
        ("peak", 100_000),
        ("retained", 0),
        ("allocations", 3),
    ]


def test_a_note_survives_until_it_is_replaced_or_emptied() -> None:
    old = Entry({"peak": 1}, note="see #482")
    assert entry_from(measured(), old).note == "see #482"
    assert entry_from(measured(), old, "see #500").note == "see #500"
    assert entry_from(measured(), old, "").note == ""
    assert entry_from(measured()).note == ""


def test_spread_is_stored_where_there_is_one() -> None:
    spread = {"peak": 7, "retained": 0}
    assert entry_from(replace(measured(), spread=spread)).spread == {"peak": 7}


def test_leak_figures_of_an_entry_stay_where_leaks_were_not_checked() -> None:
    old = Entry({"peak": 1, "settled": 60_000, "leak_per_call": 8})
    assert entry_from(measured(), old).metrics["settled"] == 60_000
    checked = replace(measured(), leak=LeakFinding(leaking=False, bytes_per_call=0, calls=100))
    assert "settled" not in entry_from(checked, old).metrics
    again = replace(checked, metrics={"peak": 5, "settled": 9, "leak_per_call": 0})
    assert entry_from(again, old).metrics == {"peak": 5, "settled": 9, "leak_per_call": 0}


def test_a_test_that_is_no_longer_leak_checked_gives_up_its_leak_figures() -> None:
    old = Entry({"peak": 100_000, "settled": 60_000, "leak_per_call": 8}, leaks_per_1000_calls={"files": 3})
    changes = plan_acceptance(run_of(result("t.py::a", Outcome.UNGUARDED)), {"t.py::a": old})
    assert [change.new for change in changes] == [entry_from(measured())]
    assert "settled dropped, leak per call dropped" in changes[0].description


def test_an_entry_that_no_guarded_test_answers_for_is_removed() -> None:
    gone = TestResult("t.py::a", Verdict(Outcome.UNGUARDED, "because"))
    run = run_of(gone, result("t.py::b", Outcome.UNGUARDED), result("t.py::c", Outcome.STALE))
    entries = {test.id: Entry({"peak": 1}) for test in run.tests}
    assert [change.test_id for change in plan_removal(run, entries)] == ["t.py::a", "t.py::c"]


def test_what_settled_below_the_start_is_stored_as_nothing() -> None:
    assert entry_from(Measurement("memray", 1, {"peak": 5, "settled": -72})).metrics == {
        "peak": 5,
        "settled": 0,
    }


def site(function: str, peak: int = 0, retained: int = 0, line: int = 1) -> SiteBytes:
    return SiteBytes(Site("shop/cache.py", line, function), peak, retained)


def test_sites_are_joined_by_function_and_sorted_by_size() -> None:
    sites = (site("get", 5 * KIB), site("put", 4 * KIB, line=1), site("put", 4 * KIB, line=2))
    assert entry_from(measured(sites=sites)).sites == (
        EntrySite("shop/cache.py:put", 8 * KIB),
        EntrySite("shop/cache.py:get", 5 * KIB),
    )


@pytest.mark.parametrize(
    ("peak", "held", "retained", "stored"),
    [
        (10_000, 1023, 0, False),
        (10_000, 1024, 0, True),
        (100_000, 1999, 0, False),
        (100_000, 2000, 0, True),
        (100_000, 0, 1023, False),
        (100_000, 0, 1024, True),
    ],
)
def test_a_site_is_stored_from_two_percent_and_one_kib_on(
    peak: int, held: int, retained: int, stored: bool
) -> None:
    assert bool(entry_from(measured(peak, (site("put", held, retained),))).sites) is stored


def test_no_more_than_the_largest_sites_are_stored() -> None:
    sites = tuple(site(f"f{number}", 10_000 + number) for number in range(20))
    stored = entry_from(measured(sites=sites)).sites
    assert [one.at for one in stored] == [
        f"shop/cache.py:f{number}" for number in range(19, 19 - STORED_SITES, -1)
    ]


def test_a_compact_result_keeps_the_sites_of_its_entry() -> None:
    old = Entry({"peak": 1}, sites=(EntrySite("a.py:f", 5),))
    assert entry_from(measured(), old).sites == old.sites


IDS = (
    "tests/test_cache.py::test_lookup[1000]",
    "tests/test_cache.py::test_lookup[2000]",
    "tests/test_cache.py::test_lookup1",
    "tests/test_cache.py::test_pipeline::transform",
    "tests/test_cache.py::TestCase::test_a",
    "tests/io/test_read.py::test_read[a*b]",
    "tests/io/test_read.py::test_read[axb]",
)


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        (IDS[0], {0}),
        ("tests/test_cache.py", {0, 1, 2, 3, 4}),
        ("tests/test_cache.py::*", {0, 1, 2, 3, 4}),
        ("tests/test_cache.py::test_lookup", {0, 1}),
        ("tests/test_cache.py::test_lookup[*]", {0, 1}),
        ("tests/test_cache.py::test_lookup?1000?", {0}),
        ("tests/test_cache.py::test_lookup[0-9]", {2}),
        ("tests/test_cache.py::test_pipeline", {3}),
        ("tests/test_cache.py::TestCase", {4}),
        ("tests/io", {5, 6}),
        ("tests/io/", {5, 6}),
        ("tests", {0, 1, 2, 3, 4, 5, 6}),
        ("*test_read*", {5, 6}),
        ("tests/io/test_read.py::test_read[a*b]", {5}),
    ],
)
def test_a_pattern_is_an_id_a_file_a_folder_or_a_shell_pattern(pattern: str, numbers: set[int]) -> None:
    assert select(IDS, [pattern]) == {IDS[number] for number in numbers}


def test_without_patterns_everything_is_chosen() -> None:
    assert select(IDS, []) == set(IDS)


NEAR = (
    "no test of the last run matches 'tests/test_cache.py::test_lokup[1000]'; near are "
    f"{IDS[0]!r}, {IDS[1]!r}, {IDS[2]!r}. List them with `memguard diff --all`."
)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (
            "tests/test_cache.py::test_lokup[1000]",
            NEAR,
        ),
        ("zzz", "no test of the last run matches 'zzz'; it has 7. List them with `memguard diff --all`."),
    ],
)
def test_a_pattern_that_fits_nothing_names_what_is_near(pattern: str, message: str) -> None:
    with pytest.raises(NothingToJudgeError) as caught:
        select(IDS, [IDS[0], pattern])
    assert str(caught.value) == message
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ({"peak": 32505856}, {"peak": 50541363}, "t::a  peak 31.0 MiB -> 48.2 MiB (+55.5%)"),
        ({"peak": 10485760}, {"peak": 10485800}, "t::a  peak 10,485,760 B -> 10,485,800 B (+0.0004%)"),
        ({"peak": 0}, {"peak": 1024}, "t::a  peak 0 B -> 1.0 KiB"),
        (None, {"peak": 1024, "retained": 0, "allocations": 5}, "t::a  peak 1.0 KiB, retained 0 B"),
        ({"allocations": 5}, {"allocations": 6}, "t::a  allocations 5 -> 6"),
        ({"peak": 1, "allocations": 5}, {"peak": 2, "allocations": 6}, "t::a  peak 1 B -> 2 B (+100%)"),
        ({"peak": 1}, {"peak": 1}, "t::a  note or sites changed"),
        ({"peak": 1}, {"peak": 1, "leak_per_call": 8}, "t::a  leak per call 8 B"),
        ({"peak": 1}, None, "t::a  removed"),
    ],
)
def test_a_change_says_in_one_line_what_changes(
    old: dict[str, int] | None, new: dict[str, int] | None, line: str
) -> None:
    change = Change("t::a", None if old is None else Entry(old), None if new is None else Entry(new))
    assert change.description == line


def test_only_stale_entries_are_removed() -> None:
    run = run_of(
        result("t.py::a", Outcome.STALE), result("t.py::b", Outcome.OK), result("t.py::c", Outcome.STALE)
    )
    entries = {"t.py::a": Entry({"peak": 1}), "t.py::b": Entry({"peak": 2}), "t.py::d": Entry({"peak": 3})}
    assert plan_removal(run, entries) == [Change("t.py::a", Entry({"peak": 1}), None)]


@pytest.mark.parametrize(("now", "accepted"), [(1_040, 1_000), (1_200, 1_200)])
def test_one_sample_takes_no_spread_from_an_entry(now: int, accepted: int) -> None:
    old = Entry({"peak": 1_000, "retained": 5}, spread={"peak": 50})
    once = Measurement("memray", 1, {"peak": now, "retained": 7})
    new = entry_from(once, old)
    assert (new.metrics["peak"], new.metrics["retained"]) == (accepted, 7)
    assert new.spread == {"peak": 50}


def test_several_samples_say_anew_how_much_a_test_varies() -> None:
    old = Entry({"peak": 1_000}, spread={"peak": 50})
    new = entry_from(Measurement("memray", 3, {"peak": 1_010}, spread={"peak": 4}), old)
    assert (new.metrics["peak"], new.spread) == (1_010, {"peak": 4})
