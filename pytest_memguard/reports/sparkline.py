"""Draws numbers as one line of small bars."""

from __future__ import annotations

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_PLAIN_BARS = "_.:-=+*#"


def sparkline(values: Sequence[int], *, at_most: int, encoding: str = "utf-8") -> str:
    """Draw numbers on a scale from zero to the largest; of more than `at_most`, some are left out evenly.

    The first and the last number are always drawn. ASCII is used if the encoding lacks the bars.

    >>> sparkline([0, 50, 100], at_most=10), sparkline([0, 50, 100], at_most=10, encoding="ascii")
    ('▁▅█', '_=#')
    """
    bars = _BARS if can_show(_BARS, encoding) else _PLAIN_BARS
    last = len(values) - 1
    if len(values) > at_most:
        values = [values[round(place * last / (at_most - 1))] for place in range(at_most)]
    largest = max(values, default=0)
    return "".join(bars[round(value * (len(bars) - 1) / largest)] if largest else bars[0] for value in values)


def can_show(text: str, encoding: str) -> bool:
    """Say whether an encoding has every character of a text."""
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
