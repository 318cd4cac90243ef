"""Sizes, shares and durations: what is printed can be parsed again."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from pytest_memguard.core.errors import ValueFormError

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

_BINARY = {"b": 1, "kib": KIB, "mib": MIB, "gib": GIB, "tib": 1024 * GIB}
_DECIMAL = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_COUNT = re.compile(r"\s*([0-9][0-9_]*)\s*")
_SIZE = re.compile(r"\s*([0-9][0-9_,]*(?:\.[0-9]+)?)\s*([a-z]*)\s*", re.IGNORECASE)
_SHARE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*")
_SECONDS = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|min)?\s*")
_LONGEST = 64
"""Characters; numbers of hundreds of digits are no finite ones, or are refused by `int`."""

_MOST_SHARE = 9.99
"""From here on a percentage says less than the two figures themselves."""
_SIZE_FORMS = "a number of bytes such as 65536, or a size such as '64 KiB', '1.5 MiB' or '10 MB'"


def parse_size(value: object) -> int:
    """Read a size in bytes; `ValueFormError` names the value and the accepted forms.

    >>> parse_size("1.5 KiB"), parse_size("10 MB"), parse_size(72)
    (1536, 10000000, 72)
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _match(_SIZE, value)
    unit = match.group(2).lower() if match else ""
    factor = {"": 1, **_BINARY, **_DECIMAL}.get(unit)
    if match is None or factor is None:
        raise ValueFormError(f"{value!r} is not a size; accepted is {_SIZE_FORMS}.")
    return round(Decimal(re.sub("[_,]", "", match.group(1))) * factor)


def parse_count(value: object) -> int:
    """Read a whole number that is not negative.

    >>> parse_count("1_000")
    1000
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _match(_COUNT, value)
    if match is not None:
        return int(match.group(1).replace("_", ""))
    raise ValueFormError(f"{value!r} is not a count; accepted is a whole number such as 1000 or '1_000'.")


def _match(form: re.Pattern[str], value: object) -> re.Match[str] | None:
    """Match a whole text; what else there is, and what is too long, has no form."""
    return form.fullmatch(value) if isinstance(value, str) and len(value) <= _LONGEST else None


def parse_share(value: object) -> float:
    """Read a percentage as a share of one.

    >>> parse_share("5%")
    0.05
    """
    match = _match(_SHARE, value)
    if match is None:
        raise ValueFormError(f"{value!r} is not a share; accepted is a percentage such as '5%' or '0.5%'.")
    return float(Decimal(match.group(1)) / 100)


def parse_seconds(value: object) -> float:
    """Read a duration in seconds.

    >>> parse_seconds("500 ms"), parse_seconds(2), parse_seconds("2 min")
    (0.5, 2.0, 120.0)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    match = _match(_SECONDS, value)
    if match is None or not float(match.group(1)):
        raise ValueFormError(
            f"{value!r} is not a duration; accepted are seconds such as 2, '1.5 s', '500 ms' or '2 min'."
        )
    return float(match.group(1)) * {"ms": 0.001, "s": 1.0, "min": 60.0}[match.group(2) or "s"]


def format_size(size_bytes: int) -> str:
    """Write a size as people read it; `parse_size` reads it back within the rounding.

    >>> format_size(0), format_size(1023), format_size(1536), format_size(1048575)
    ('0 B', '1023 B', '1.5 KiB', '1.0 MiB')
    """
    for unit, factor in (("TiB", 1024 * GIB), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if abs(size_bytes) >= factor * (1 - 0.05 / KIB) and abs(size_bytes) >= KIB:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} B"


def format_growth(size_bytes: int) -> str:
    """Write a difference with its sign.

    >>> format_growth(1536), format_growth(-72)
    ('+1.5 KiB', '-72 B')
    """
    return f"+{format_size(size_bytes)}" if size_bytes >= 0 else f"-{format_size(-size_bytes)}"


def format_apart(first_bytes: int, *others_bytes: int) -> tuple[str, ...]:
    """Write a size and others to compare it with, so that sizes that differ from it do not look equal to it.

    >>> format_apart(10485760, 10485761)
    ('10,485,760 B', '10,485,761 B')
    """
    first = format_size(first_bytes)
    if any(other != first_bytes and format_size(other) == first for other in others_bytes):
        return tuple(f"{size_bytes:,} B" for size_bytes in (first_bytes, *others_bytes))
    return first, *map(format_size, others_bytes)


def format_share(share: float) -> str:
    """Write a share as a percentage with a sign; what is not zero never looks like zero.

    >>> format_share(0.555), format_share(0.0001), format_share(-0.2)
    ('+55.5%', '+0.01%', '-20%')
    """
    for digits in (1, 2, 3, 4):
        text = f"{share * 100:+.{digits}f}"
        if not share or float(text):
            break
    return f"{text.removesuffix('.0')}%"


def format_change(now: int, was: int) -> str:
    """Write the change of a number as a percentage; empty if it was zero, or is many times as large.

    >>> format_change(155, 100), format_change(1_000_000, 33), format_change(5, 0)
    ('+55%', '', '')
    """
    share = (now - was) / was if was else math.inf
    return format_share(share) if share <= _MOST_SHARE else ""


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number of things; `many` is their plural where it is not `one` with an s.

    >>> counted(1, "file"), counted(1200, "file"), counted(2, "entry", "entries")
    ('1 file', '1,200 files', '2 entries')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
