"""What pytest's header says of a guarded run."""

from __future__ import annotations

from pytest_memguard.core.meters import BEST_METER
from pytest_memguard.guard.session import GuardSession
from pytest_memguard.reports.untrusted import printable


def header_lines(session: GuardSession, *, earlier: str) -> list[str]:
    """Return the lines of pytest's header; `earlier` says how far a run came that has no end."""
    chosen = session.chosen_meter()
    state = "" if session.baseline.exists else ", no baseline for it yet"
    lines = [f"memguard: {chosen.meter.label}, {session.environment}{state}"]
    if session.settings.source:
        lines.append(f"memguard: settings: {session.settings.source}")
    lines += [
        f"memguard: {name} counts as the program's, since {file} imports it; exclude leaves it out"
        for name, file in sorted(session.namer.imported.items())
    ]
    if earlier:
        lines.append(f"memguard: an earlier run has no end: {printable(earlier)}")
    if chosen.reason_not_best:
        lines.append(f"memguard: not with {BEST_METER}, since {chosen.reason_not_best}")
    return lines
