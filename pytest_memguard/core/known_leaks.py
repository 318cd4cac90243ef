"""Leaks of a library or of the test bench that a project knows of: `[[tool.memguard.known_leak]]`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_memguard.core.errors import ValueFormError
from pytest_memguard.core.readers import declared, parse_date, parse_text, read_fields
from pytest_memguard.core.units import parse_size


@dataclass(frozen=True, slots=True)
class KnownLeak:
    """Growth that is shown apart and fails no test: what holds it or where it is allocated, and why.

    At least one of `held_by` and `at` is set. `max_bytes` is the most that a call may add;
    without it any rate is known. From the day `until` on the growth fails again.
    """

    held_by: str = declared(parse_text, "pattern of a step of the chain that holds the memory", default="")
    at: str = declared(
        parse_text, "pattern of the place that allocates it, `file` or `file:function`", default=""
    )
    reason: str = declared(parse_text, "why it is known; required", default="")
    max_bytes: int | None = declared(parse_size, "most that a call may add", key="max", default=None)
    until: dt.date | None = declared(parse_date, "day from which it fails again", default=None)

    @property
    def entry(self) -> str:
        """The patterns, as reports name an entry by them."""
        patterns = {"held_by": self.held_by, "at": self.at}
        return ", ".join(f"{key} = {pattern}" for key, pattern in patterns.items() if pattern)

    def is_expired(self, today: dt.date) -> bool:
        """Say whether its day has come."""
        return self.until is not None and self.until <= today


def parse_known_leak(table: object) -> KnownLeak:
    """Read one table; raises a `MemguardError` that names the key, or what is missing."""
    values = read_fields(KnownLeak, table if isinstance(table, Mapping) else {})
    known: KnownLeak = KnownLeak(**values)  # type: ignore[arg-type]  # each reader returns its field's type
    if not known.held_by and not known.at:
        raise ValueFormError(
            "'held_by' or 'at' is missing: a pattern of what holds the memory, such as "
            "'weakref.finalize._registry', or of where it is allocated, such as 'django/dispatch/*'."
        )
    if not known.reason:
        raise ValueFormError("'reason' is missing; say why the leak is known, for whoever reads it later.")
    return known
