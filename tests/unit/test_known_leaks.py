"""What known leaks take out of a finding, and what they leave to be judged."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from pytest_memguard.core.known_leaks import KnownLeak
from pytest_memguard.core.leak_finding import CountGrowth, KnownGrowth, LeakFinding
from pytest_memguard.core.sites import Site, SiteBytes
from pytest_memguard.gate.known_leaks import unused, without_known_leaks

TODAY = dt.date(2027, 1, 1)
FOUND = LeakFinding(
    leaking=True,
    bytes_per_call=1000,
    calls=4096,
    sites=(
        SiteBytes(site=Site("theirs/registry.py", 5, "add"), retained_bytes=600),
        SiteBytes(
            site=Site("test_it.py", 9, "test_it"),
            retained_bytes=400,
            inner=Site("theirs/registry.py", 5, "add"),
        ),
    ),
    held_by=("theirs.registry.ALL (dict, 1,200 entries) in theirs/registry.py", "theirs.registry.Entry"),
)


def known(**written: object) -> KnownLeak:
    return KnownLeak(reason="see theirs#1", **written)  # type: ignore[arg-type]  # each test writes what it needs


@pytest.mark.parametrize("at", ["theirs/*", "theirs/registry.py", "theirs/registry.py:add"])
def test_what_a_place_allocates_is_taken_out_and_the_rest_is_judged(at: str) -> None:
    left = without_known_leaks(FOUND, [known(at=at)], TODAY)
    assert (left.leaking, left.bytes_per_call) == (True, 400)
    assert left.known == (KnownGrowth("see theirs#1", 600, f"at = {at}"),)
    assert [site.site.file for site in left.sites] == ["test_it.py"]


def test_a_line_that_calls_the_place_counts_where_the_place_itself_is_not_listed() -> None:
    left = without_known_leaks(replace(FOUND, sites=FOUND.sites[1:]), [known(at="theirs/*")], TODAY)
    assert left.bytes_per_call == 600


@pytest.mark.parametrize("pattern", ["theirs.registry.ALL", "theirs.registry.*", "*.Entry"])
def test_what_a_holder_holds_is_known_whole(pattern: str) -> None:
    left = without_known_leaks(FOUND, [known(held_by=pattern)], TODAY)
    assert (left.leaking, left.bytes_per_call, left.sites, left.held_by) == (False, 0, (), ())
    assert left.known[0].bytes_per_call == 1000


@pytest.mark.parametrize(
    "entry",
    [
        known(held_by="ours.*"),
        known(at="ours/*"),
        known(at="theirs/*", held_by="ours.*"),
        known(at="theirs/*", max_bytes=599),
        known(at="theirs/*", until=TODAY),
    ],
)
def test_an_entry_that_does_not_match_that_is_exceeded_or_past_its_day_takes_nothing(
    entry: KnownLeak,
) -> None:
    assert without_known_leaks(FOUND, [entry], TODAY) == FOUND


def test_a_remainder_within_what_a_rate_may_vary_by_is_no_leak() -> None:
    for rate, leaking in ((630, False), (640, True)):
        left = without_known_leaks(replace(FOUND, bytes_per_call=rate), [known(at="theirs/*")], TODAY)
        assert left.leaking is leaking


def test_threads_and_files_stay_a_leak() -> None:
    found = replace(FOUND, counts=(CountGrowth("threads", 1.0),))
    left = without_known_leaks(found, [known(held_by="theirs.*")], TODAY)
    assert (left.leaking, left.bytes_per_call) == (True, 0)


def test_entries_that_took_nothing_out_are_unused() -> None:
    entries = (known(at="theirs/*"), known(at="ours/*"), known(at="gone/*", until=TODAY))
    left = without_known_leaks(FOUND, entries, TODAY)
    assert unused(entries, [left], TODAY) == entries[1:2]
