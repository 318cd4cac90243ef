"""Shows the growth of a test in a few words, and as a small bar."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_memguard.core.metrics import LEAK_PER_CALL
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.units import format_change
from pytest_memguard.core.verdict import MetricVerdict, deciding
from pytest_memguard.reports.rows import Row
from pytest_memguard.reports.sparkline import can_show
from pytest_memguard.reports.untrusted import shortened

PLAIN_BARS = ("=", "+")
_BARS = ("█", "░")
CELLS = 8


def bars_for(encoding: str | None) -> tuple[str, str]:
    """Return characters for bars that an encoding can represent."""
    return _BARS if can_show("".join(_BARS), encoding or "ascii") else PLAIN_BARS


def growth_bar(metrics: Sequence[MetricVerdict], outcome: Outcome, bars: tuple[str, str]) -> tuple[str, str]:
    """Return the parts of a bar for the accepted and the added memory; its length stands for their sum.

    Both are empty if nothing was accepted to compare with.

    >>> growth_bar([MetricVerdict("peak", 150, Outcome.GREW, 100)], Outcome.GREW, PLAIN_BARS)
    ('=====', '+++')
    """
    grown = deciding(outcome, metrics)
    if grown is None or not grown.baseline or grown.measured <= grown.baseline:
        return "", ""
    more = min(max(round(CELLS * (grown.measured - grown.baseline) / grown.measured), 1), CELLS - 1)
    return bars[0] * (CELLS - more), bars[1] * more


def in_short(row: Row) -> str:
    """Say in a few words what led to an outcome; the full text is shown elsewhere."""
    grown = deciding(row.outcome, row.metrics)
    if grown is None:
        return shortened(row.sentence)
    if grown.name == LEAK_PER_CALL:
        return f"{grown.metric.text(grown.measured)} a call"
    if row.outcome is Outcome.OVER_LIMIT and grown.limit is not None:
        return (
            f"{grown.metric.label} {grown.metric.growth_text(grown.measured - grown.limit)} over {grown.rule}"
        )
    if grown.baseline is None:
        return f"{grown.metric.label} {grown.metric.text(grown.measured)}"
    gained = grown.metric.growth_text(grown.measured - grown.baseline)
    change = format_change(grown.measured, grown.baseline)
    return f"{grown.metric.label} {gained}{f' ({change})' if change else ''}"
