"""Where in the repository a result is shown, at which level, and with which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.sites import Site
from pytest_memguard.reports.locations import Level, Location, as_it_is, level_of, location_of, message_of
from pytest_memguard.reports.rows import Row, SiteRow

THEIRS = SiteRow("+2 MiB", Site("json/decoder.py", 9, "decode"))
OURS = SiteRow("+1 MiB", Site("shop.py", 41, "put"))


def row(outcome: Outcome = Outcome.GREW, *, fails: bool = False, sites: tuple[SiteRow, ...] = ()) -> Row:
    return Row("tests/test_a.py::test_a", outcome, fails, "it grew", sites=sites, line=12)


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        (Outcome.OK, None),
        (Outcome.NEW, None),
        (Outcome.IMPROVED, Level.NOTICE),
        (Outcome.STALE, Level.NOTICE),
        (Outcome.NOT_MEASURED, Level.WARNING),
        (Outcome.CREPT, Level.WARNING),
        (Outcome.GREW, Level.WARNING),
    ],
)
def test_an_outcome_has_its_level_and_one_that_fails_is_an_error_but_in_advisory_mode(
    outcome: Outcome, level: Level | None
) -> None:
    assert level_of(row(outcome), advisory=False) is level
    assert level_of(row(outcome, fails=True), advisory=False) is Level.ERROR
    assert level_of(row(outcome, fails=True), advisory=True) is level


def test_a_result_is_shown_at_the_first_site_in_the_repository_or_else_at_the_test() -> None:
    def of_project(file: str) -> str | None:
        return f"sub/{file}" if not file.startswith("json/") else None

    assert location_of(row(sites=(THEIRS, OURS)), of_project) == Location("sub/shop.py", 41, OURS)
    assert location_of(row(sites=(THEIRS,)), of_project) == Location("sub/tests/test_a.py", 12)
    assert location_of(row(), lambda _: None) == Location("", 12)
    assert location_of(replace(row(), line=0), as_it_is).line == 1, "lines count from 1"
    unknown_line = SiteRow("+1 MiB", Site("shop.py", 0, "put"))
    assert location_of(row(sites=(unknown_line,)), as_it_is).line == 1, "lines count from 1"


def test_the_message_names_the_growth_at_its_place_and_the_lines_that_may_be_it() -> None:
    several = SiteRow("+1 MiB", Site("shop.py", 41, "put"), lines=("41: a = b", "43: c"), met="met at 41")
    assert message_of(row(), Location("t.py", 1)) == "tests/test_a.py::test_a: it grew"
    assert message_of(row(), Location("shop.py", 41, OURS)).endswith(": it grew (+1 MiB here)")
    assert message_of(row(), Location("shop.py", 41, several)).endswith(
        ": it grew (+1 MiB in put: 41: a = b; 43: c); met at 41"
    )
