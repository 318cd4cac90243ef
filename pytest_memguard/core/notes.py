"""Says which growth a project accepts only with a note."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from pytest_memguard.core.changes import Change
from pytest_memguard.core.entries import Entry
from pytest_memguard.core.errors import NoteRequiredError
from pytest_memguard.core.metrics import LEAK_PER_CALL, METRICS
from pytest_memguard.core.tolerance import Tolerance
from pytest_memguard.core.units import format_change

_SHOWN = 3
_LEAST_LETTERS = 3
NOTE_RULE = f"a note must have at least {_LEAST_LETTERS} letters"


def is_reason(note: str) -> bool:
    """Say whether a note has words, in any script; a dot or a number alone is not a reason.

    >>> [is_reason(note) for note in (".", "#482", "cache, see #482", "\u7f13\u5b58\u53d8\u5927")]
    [False, False, True, True]
    """
    return sum(character.isalpha() for character in note) >= _LEAST_LETTERS


def lacking_note(old: Entry | None, new: Entry | None, share: float | None) -> str:
    """Say which growth of an entry requires a note of its own; nothing if none does.

    A new entry and growth by a few bytes require none. A leak that is accepted for the first time grew from
    zero. More spread counts as growth, since it leaves room to grow. A note that was there before does not
    count, since it was about something else.
    """
    if share is None or old is None or new is None or (is_reason(new.note) and new.note != old.note):
        return ""
    for name, metric in METRICS.items():
        was, now = old.metrics.get(name, 0 if name == LEAK_PER_CALL else None), new.metrics.get(name)
        if was is None or now is None or metric.tolerance is None:
            continue
        allowed = Tolerance(share, metric.tolerance.absolute_bytes).allowance_bytes(was)
        varied, varies = old.spread.get(name, 0), new.spread.get(name, 0)
        if varies - varied > allowed:
            return f"{metric.label} may vary by {metric.text(varies)}, was {metric.text(varied)}"
        if now - was > allowed:
            change = format_change(now, was)
            return f"{metric.label} {' -> '.join(metric.texts(was, now))}{f' ({change})' if change else ''}"
    return ""


def lacking_origin(new: Entry | None, perhaps: Mapping[str, Entry], share: float | None) -> str:
    """Say which growth a new entry hides if it is one of the removed ones under another name."""
    found = ((name, lacking_note(old, new, share)) for name, old in perhaps.items())
    return next(
        (f"{name} is removed, and if this is the same test: {text}" for name, text in found if text), ""
    )


def refuse_without_note(changes: Iterable[Change], share: float | None) -> None:
    """Raise `NoteRequiredError`, with the command that gives a note, if growth requires one."""
    found = [(change, lacking_note(change.old, change.new, share)) for change in changes]
    wanting = [(change, text) for change, text in found if text]
    if not wanting or share is None:
        return
    first, text = wanting[0]
    more = f", and {len(wanting) - 1:,} more" if len(wanting) > 1 else ""
    ids = " ".join(shlex.quote(change.test_id) for change, _ in wanting[:_SHOWN])
    raise NoteRequiredError(
        f"{first.test_id}: {text}{more}; nothing was accepted, since growth of more than {share * 100:g}% "
        f'needs a note (require_note; {NOTE_RULE}). Say why: memguard accept {ids} --note "WHY"'
    )
