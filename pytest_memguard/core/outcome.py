"""Outcomes: how a guarded test or an accepted entry ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import Enum


class Outcome(str, Enum):
    """How a guarded test, or an accepted entry, ended; the worst first, in the order of every output."""

    LEAKED = "leaked"
    OVER_LIMIT = "over-limit"
    GREW = "grew"
    NO_BASELINE = "no-baseline"
    NOT_MEASURED = "not-measured"
    UNGUARDED = "unguarded"
    STALE = "stale"
    CREPT = "crept"
    NEW = "new"
    IMPROVED = "improved"
    OK = "ok"

    def __str__(self) -> str:
        """Return the word itself on every Python."""
        return self.value

    @property
    def rank(self) -> int:
        """The place in the order of the outcomes; 0 is the worst."""
        return OUTCOMES.index(self.value)

    @property
    def is_growth(self) -> bool:
        """Whether it means that a test needs more memory than was accepted or is allowed."""
        return self in (Outcome.LEAKED, Outcome.OVER_LIMIT, Outcome.GREW)

    @property
    def is_new(self) -> bool:
        """Whether nothing is accepted that the test could be compared with."""
        return self in (Outcome.NEW, Outcome.NO_BASELINE)

    @property
    def changes_entry(self) -> bool:
        """Whether accepting writes its numbers; an `ok` entry is rewritten only where everything is."""
        return self.is_growth or self.is_new or self in (Outcome.IMPROVED, Outcome.UNGUARDED)

    @property
    def passes_by_accepting(self) -> bool:
        """Whether an accepting run does not fail it: it writes the numbers instead, where there are any."""
        is_accepted = self.changes_entry and self is not Outcome.OVER_LIMIT
        return is_accepted or self in (Outcome.CREPT, Outcome.STALE)

    @property
    def is_about_entry(self) -> bool:
        """Whether it is about an accepted entry that no guarded test answers for any more."""
        return self in (Outcome.STALE, Outcome.UNGUARDED)


OUTCOMES = tuple(outcome.value for outcome in Outcome)


def counts(outcomes: Iterable[Outcome]) -> dict[Outcome, int]:
    """Count outcomes: those that occur, the worst first.

    >>> counts([Outcome.OK, Outcome.GREW, Outcome.OK])
    {<Outcome.GREW: 'grew'>: 1, <Outcome.OK: 'ok'>: 2}
    """
    found = Counter(outcomes)
    return {outcome: found[outcome] for outcome in Outcome if found[outcome]}
