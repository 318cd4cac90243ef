"""The policy of a test: each argument of the marker with its reader, its default and its help."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pytest_memguard.core.errors import UnknownNameError, ValueFormError, nearest
from pytest_memguard.core.meters import BEST_METER, METERS
from pytest_memguard.core.metrics import METRICS, Metric
from pytest_memguard.core.readers import (
    declarations,
    declared,
    declared_each,
    one_of,
    parse_date,
    parse_switch,
    read_fields,
)
from pytest_memguard.core.tolerance import (
    DEFAULT_TOLERANCE,
    DEFAULT_TOLERANCE_WRITTEN,
    LEAK_TOLERANCE,
    Tolerance,
    parse_tolerance,
)
from pytest_memguard.core.units import parse_count, parse_seconds, parse_share, parse_size

MOST_AT_ONCE = 256
MOST_ORDERS = 64
_REPEATED_ORDERS = 3
"""The calls of a leak check take at least so many orders, unless one is asked for."""


def parse_tolerances(value: object) -> Mapping[str, Tolerance]:
    """Read a tolerance for every metric that has the default one, or a mapping that names some.

    The rate of a leak has a tolerance of its own, which cannot be set.
    """
    if not isinstance(value, Mapping):
        return dict.fromkeys(_WITH_DEFAULT_TOLERANCE, parse_tolerance(value))
    known = [metric.name for metric in METRICS.values() if metric.tolerance is not LEAK_TOLERANCE]
    for name in value:
        if name not in known:
            raise UnknownNameError(f"tolerance names the metric {name!r}, {nearest(str(name), known)}")
    return {str(name): parse_tolerance(part) for name, part in value.items()}


def number_of(what: str, *, at_most: int) -> Callable[[object], int]:
    """Return a reader of a number from 1 to `at_most`; `what` is what an error says it counts."""

    def read_number(value: object) -> int:
        number = parse_count(value)
        if not 1 <= number <= at_most:
            raise ValueFormError(f"{value!r} is not a number of {what}; accepted: 1 to {at_most}.")
        return number

    return read_number


@dataclass(frozen=True, slots=True)
class CreepLimit:
    """How much growth in small steps may add up to, as a share of what it was `days` ago."""

    share: float
    days: int

    def __str__(self) -> str:
        """Write the limit as `parse_creep` reads it."""
        return f"{self.share * 100:g}% in {self.days} days"


_CREEP = re.compile(r"\s*(?P<share>[^%]+%)\s+in\s+(?P<number>[0-9]{1,4})\s+(?P<unit>day|week|year)s?\s*")
_DAYS = {"day": 1, "week": 7, "year": 365}


def parse_creep(value: object) -> CreepLimit:
    """Read what growth in small steps may add up to, in how long.

    >>> str(parse_creep("20% in 90 days")), str(parse_creep("50% in 2 years"))
    ('20% in 90 days', '50% in 730 days')
    """
    match = _CREEP.fullmatch(value) if isinstance(value, str) else None
    days = int(match["number"]) * _DAYS[match["unit"]] if match else 0
    share = parse_share(match["share"]) if match else 0.0
    if not days or not share:
        raise ValueFormError(
            f"{value!r} has no share and time; accepted is a text such as '20% in 90 days', in days, "
            "weeks or years."
        )
    return CreepLimit(share, days)


parse_at_once = number_of("threads or tasks", at_most=MOST_AT_ONCE)
parse_orders = number_of("orders", at_most=MOST_ORDERS)
METER_HELP = f"{' or '.join(f'`{name}`' for name in METERS)}; without it {BEST_METER} where it works"
parse_meter = one_of("a meter", *METERS)
_WITH_DEFAULT_TOLERANCE = [one.name for one in METRICS.values() if one.tolerance is DEFAULT_TOLERANCE]


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decides how one test is measured and judged: the arguments of the marker.

    Sizes are bytes, `leak_budget_seconds` is CPU time, `thread_timeout_seconds` time on the clock.
    `tolerances` and `limits` are by metric: a metric that has neither is recorded and not gated, and a
    limit needs no baseline.
    """

    tolerances: Mapping[str, Tolerance] = declared(
        parse_tolerances,
        "tolerated growth, as a share and a size; growth fails if it exceeds both. For `settled`, at least "
        "128 KiB are tolerated. May be a mapping by [metric](outcomes.md#metrics)",
        key="tolerance",
        default=DEFAULT_TOLERANCE_WRITTEN,
    )
    limits: Mapping[str, int] = declared_each(
        {name: (metric.limit_key, metric.parse, metric.limit_means) for name, metric in METRICS.items()},
        asks=True,
    )
    on_growth: str = declared(
        one_of("what growth does", "fail", "warn"),
        "`fail`, or `warn`: growth is reported as quarantined, and does not fail before the day `until`",
        default="fail",
        weak="warn",
    )
    until: dt.date | None = declared(
        parse_date,
        'the day on which `on_growth="warn"` ends and growth fails again, such as `"2027-01-31"`',
        default=None,
    )
    creep: CreepLimit | None = declared(
        parse_creep,
        "what growth in small steps may [add up to](../how-to/history-and-creep.md), such as "
        '`"20% in 90 days"`; needs the git history',
        default=None,
    )
    leaks: bool = declared(
        parse_switch, "repeat the body, and fail if memory keeps growing", default=False, asks=True
    )
    threads: int = declared(
        parse_at_once,
        "number of threads that run the body, up to 256; they [take turns](../explanation/races.md)",
        default=1,
        asks=True,
    )
    tasks: int = declared(
        parse_at_once,
        "number of [tasks](../explanation/races.md#tasks) that run an async test in its loop, up to 256",
        default=1,
        asks=True,
    )
    orders: int = declared(
        parse_orders,
        "number of [orders](../explanation/races.md#more-orders) of turns to try, 1 to 64; the order that "
        "needs the most memory counts",
        default=2,
        asks=True,
    )
    order: int | None = declared(
        parse_count, "run only the order of turns with this number, which a failure names", default=None
    )
    thread_timeout_seconds: float = declared(
        parse_seconds,
        "seconds after which threads that do not move fail the test, with their stacks",
        key="thread_timeout",
        default=30,
    )
    leak_budget_seconds: float = declared(
        parse_seconds, "CPU seconds for one leak check", key="leak_budget", default=1
    )
    leak_ceiling_bytes: int = declared(
        parse_size,
        "memory that one leak check may add to the process; a check that adds more is ended as a leak",
        key="leak_ceiling",
        default="1 GiB",
    )
    native: bool = declared(parse_switch, "name lines of extensions (C, C++, Rust), too", default=False)
    children: bool = declared(
        parse_switch,
        "count forked child processes, too; a test that starts "
        "[programs](../explanation/measuring.md#child-processes) is `not-measured`",
        default=False,
    )
    fresh: bool = declared(
        parse_switch,
        "run the test in a new interpreter, so that imports and first calls count; "
        "[its call](../explanation/measuring.md#a-cold-start) also has an entry of its own",
        default=False,
    )
    isolate: bool = declared(
        parse_switch,
        "run the test in a [fork](../how-to/isolate.md) of pytest, so that a crash ends only this test",
        default=False,
    )
    fixtures: bool = declared(parse_switch, "count set-up and tear-down, too", default=False)
    meter: str | None = declared(parse_meter, METER_HELP, default=None)

    @property
    def counted(self) -> tuple[Metric, ...]:
        """The figures that decide something and for which every allocation is looked at."""
        gated = [METRICS[name] for name in (*self.limits, *self.tolerances)]
        return tuple(metric for metric in gated if metric.from_each_allocation)

    @property
    def at_once(self) -> int:
        """How many calls of the body one execution of the test makes."""
        return self.threads * self.tasks

    @property
    def orders_tried(self) -> tuple[int, ...]:
        """The numbers of the orders in which threads or tasks take turns; 0 is lockstep, 1 is staggered."""
        if self.at_once == 1:
            return (0,)
        return tuple(range(self.orders)) if self.order is None else (self.order,)

    @property
    def orders_repeated(self) -> tuple[int, ...]:
        """The numbers of the orders that the calls of a leak check take, one after the other.

        There are many calls, so a third order costs nothing.
        """
        tried = self.orders_tried
        return tried if len(tried) == 1 else tuple(range(max(len(tried), _REPEATED_ORDERS)))


POLICY_KEYS = tuple(declarations(Policy))
"""What a marker, `[tool.memguard]` and a `[[tool.memguard.policy]]` may say about a test."""

MARKER_ARGUMENTS = ", ".join(f"{key}={one.default or None}" for key, one in declarations(Policy).items())
"""The marker's arguments with their defaults, as `pytest --markers` lists them."""


def overlay(policy: Policy, written: Mapping[str, object], section: str = "") -> Policy:
    """Lay what a user wrote over a policy; a mapping is laid over the one before, name by name.

    Raises `UnknownNameError` for a key that is none of `POLICY_KEYS`, and the reader's error
    for a value that cannot be read; both name the key, after the `section` it stands in.
    """
    changes: dict[str, object] = {}
    for name, value in read_fields(Policy, written, section).items():
        before = getattr(policy, name)
        changes[name] = {**before, **value} if isinstance(value, Mapping) else value
    return replace(policy, **changes)  # type: ignore[arg-type]  # each reader returns its field's type
