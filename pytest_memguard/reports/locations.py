"""Decides where in the repository a result is shown, and at which level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.reports.rows import Row, SiteRow

Locate = Callable[[str], "str | None"]
"""Turns a file of the project into its path in the repository; None if it is not there."""


def as_it_is(file: str) -> str | None:
    """Return the path unchanged, for a project that is the whole repository."""
    return file


class Level(str, Enum):
    """The level at which a format shows a result."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


def level_of(row: Row, *, advisory: bool) -> Level | None:
    """Return the level of a result; None for one that needs no attention, and is not shown."""
    if row.fails and not advisory:
        return Level.ERROR
    if row.outcome.is_growth or row.outcome in (Outcome.CREPT, Outcome.NOT_MEASURED):
        return Level.WARNING
    return Level.NOTICE if row.outcome is Outcome.IMPROVED or row.outcome.is_about_entry else None


@dataclass(frozen=True, slots=True)
class Location:
    """A line of the repository and the site that grew there, or without a site the line of the test."""

    file: str
    line: int
    grown: SiteRow | None = None


def location_of(row: Row, locate: Locate) -> Location:
    """Return the first site that is in the repository, or else the test itself."""
    for grown in row.sites:
        file = locate(grown.site.file)
        if file is not None:
            return Location(file, max(grown.site.line, 1), grown)
    return Location(locate(row.module) or "", max(row.line, 1))


def message_of(row: Row, place: Location) -> str:
    """Say in one line what happened, with the site if it is shown there; the renderer escapes the text."""
    grown = place.grown
    where = ""
    if grown is not None:
        lines = f"in {grown.site.function}: {'; '.join(grown.lines)}" if grown.lines else "here"
        where = f" ({grown.growth} {lines})"
    met = [grown.met] if grown is not None and grown.met else []
    more = "".join(f"; {text}" for text in (*met, *row.further))
    return f"{row.id}: {row.sentence or row.outcome}{where}{more}"
