"""The tolerances and limits that apply to a test, and how they are read from what users write."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pytest_memguard.core.declared import declarations, declared, one_of, parse_date, parse_switch, read
from pytest_memguard.core.errors import UnknownNameError, ValueFormError, nearest
from pytest_memguard.core.meters import BEST_METER, METERS
from pytest_memguard.core.metrics import ALLOCATIONS, METRICS, PEAK, RETAINED, SETTLED
from pytest_memguard.core.units import GIB, KIB, parse_count, parse_seconds, parse_share, parse_size

_FORMS = "'5%', '64 KiB', '5%, 64 KiB', or a mapping by metric such as {'peak': '5%'}"
MOST_AT_ONCE = 256
MOST_ORDERS = 64


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Growth must exceed both parts, the share of the baseline and the number of bytes."""

    relative: float = 0.0
    absolute_bytes: int = 0

    def allowance_bytes(self, baseline_bytes: int) -> int:
        """Return how many bytes over the baseline are still tolerated."""
        return max(int(baseline_bytes * self.relative), self.absolute_bytes)

    def __str__(self) -> str:
        """Write the tolerance as `parse_tolerance` reads it."""
        return f"{self.relative * 100:g}%, {self.absolute_bytes} B"


DEFAULT_TOLERANCE = Tolerance(relative=0.01, absolute_bytes=16 * KIB)
"""An order of magnitude above the noise left after confirming, on thirteen real test suites."""

INTERPRETER_TABLES_BYTES = 128 * KIB
"""What `settled` may vary by on unchanged code, whatever the tolerance.

Tables of the interpreter (of subclasses, of interned strings) are made anew now and then, larger
or smaller; who meets it depends on the order of the tests. On real suites it came to 86 KB.
"""


def parse_tolerance(value: object) -> Tolerance:
    """Read `"5%"`, `"64 KiB"` or both; a part that is not given is zero.

    >>> parse_tolerance("5%, 64 KiB")
    Tolerance(relative=0.05, absolute_bytes=65536)
    """
    if not isinstance(value, str):
        raise ValueFormError(f"{value!r} is not a tolerance; accepted are {_FORMS}.")
    parts = [part for part in value.split(",") if part.strip()]
    shares = [part for part in parts if "%" in part]
    sizes = [part for part in parts if "%" not in part]
    if not parts or len(shares) > 1 or len(sizes) > 1:
        raise ValueFormError(f"{value!r} is not a tolerance; accepted are {_FORMS}.")
    try:
        return Tolerance(
            relative=parse_share(shares[0]) if shares else 0.0,
            absolute_bytes=parse_size(sizes[0]) if sizes else 0,
        )
    except ValueFormError as error:
        raise ValueFormError(f"{value!r} is not a tolerance; accepted are {_FORMS}.") from error


def parse_tolerances(value: object) -> Mapping[str, Tolerance]:
    """Read a tolerance for all byte metrics, or a mapping that names some; the others keep theirs."""
    if not isinstance(value, Mapping):
        return dict.fromkeys(_TOLERATED, parse_tolerance(value))
    for name in value:
        if name not in METRICS:
            raise UnknownNameError(f"tolerance names the metric {name!r}, {nearest(str(name), METRICS)}")
    return {str(name): parse_tolerance(part) for name, part in value.items()}


def parse_at_once(value: object) -> int:
    """Read a number of threads or tasks that run a body at once."""
    number = parse_count(value)
    if not 1 <= number <= MOST_AT_ONCE:
        raise ValueFormError(f"{value!r} is not a number of threads or tasks; accepted: 1 to {MOST_AT_ONCE}.")
    return number


def parse_orders(value: object) -> int:
    """Read how many orders are tried."""
    number = parse_count(value)
    if not 1 <= number <= MOST_ORDERS:
        raise ValueFormError(f"{value!r} is not a number of orders; accepted: 1 to {MOST_ORDERS}.")
    return number


@dataclass(frozen=True, slots=True)
class CreepLimit:
    """How much growth in small steps may add up to, as a share of what it was so many days ago."""

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
            f"{value!r} says no share and no time; accepted is a text such as '20% in 90 days', in days, "
            "weeks or years."
        )
    return CreepLimit(share, days)


METER_HELP = f"{' or '.join(f'`{name}`' for name in METERS)}; without it {BEST_METER} where it works"
parse_meter = one_of("a meter", *METERS)
_TOLERATED = (PEAK, RETAINED, SETTLED)


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decides how one test is measured and judged: the arguments of the marker.

    Sizes are bytes, `leak_budget_seconds` is CPU time,
    `thread_timeout_seconds` time on the clock. `tolerances` holds a tolerance for
    each gated metric; a metric without one is recorded and not gated.
    """

    tolerances: Mapping[str, Tolerance] = declared(
        parse_tolerances,
        "tolerated growth; it must exceed both parts; for `settled` at least 128 KiB, which tables of the "
        "interpreter vary by. Or a mapping by [metric](outcomes.md#metrics)",
        key="tolerance",
        default=dict.fromkeys(_TOLERATED, DEFAULT_TOLERANCE),
        shown="'1%, 16 KiB'",
    )
    max_peak: int | None = declared(parse_size, "most bytes alive at once; needs no baseline", default=None)
    max_retained: int | None = declared(parse_size, "most bytes left behind; needs no baseline", default=None)
    max_allocations: int | None = declared(parse_count, "most allocations; needs no baseline", default=None)
    max_settled: int | None = declared(
        parse_size, "most bytes that repeated calls may settle at (`leaks`); needs no baseline", default=None
    )
    max_leak_per_call: int | None = declared(parse_size, "a leak up to this rate is allowed", default=None)
    on_growth: str = declared(
        one_of("what growth does", "fail", "warn"),
        "`fail`, or `warn`: growth is reported as quarantined, and fails nothing before the day `until`",
        default="fail",
    )
    until: dt.date | None = declared(
        parse_date,
        'the day from which `on_growth="warn"` ends and growth fails again, such as `"2027-01-31"`',
        default=None,
    )
    creep: CreepLimit | None = declared(
        parse_creep,
        "what growth in small steps may [add up to](../how-to/history-and-creep.md), such as "
        '`"20% in 90 days"`; needs the history of git',
        default=None,
    )
    leaks: bool = declared(parse_switch, "repeat the body, fail if memory keeps growing", default=False)
    threads: int = declared(
        parse_at_once,
        "run it from this many threads, up to 256, which [take turns](../explanation/races.md) at its lines",
        default=1,
    )
    tasks: int = declared(
        parse_at_once,
        "run an async test as this many [tasks](../explanation/races.md#tasks) of its loop, up to 256",
        default=1,
    )
    orders: int = declared(
        parse_orders,
        "[orders](../explanation/races.md#more-orders) of turns that are tried, 1 to 64; the one that needs "
        "the most counts",
        default=1,
    )
    order: int | None = declared(
        parse_count, "play this one order of turns, whose number a failure names", default=None
    )
    thread_timeout_seconds: float = declared(
        parse_seconds,
        "seconds after which threads that are stuck fail the test with their stacks",
        key="thread_timeout",
        default=30.0,
        shown="30",
    )
    leak_budget_seconds: float = declared(
        parse_seconds, "CPU seconds for one leak check", key="leak_budget", default=1.0, shown="1"
    )
    leak_ceiling_bytes: int = declared(
        parse_size,
        "what one leak check may add to the process before it is ended as a leak",
        key="leak_ceiling",
        default=GIB,
        shown="'1 GiB'",
    )
    native: bool = declared(parse_switch, "frames of extensions in the attribution", default=False)
    children: bool = declared(
        parse_switch,
        "count forked child processes too; a test that starts "
        "[others](../explanation/measuring.md#child-processes) is `not-measured`",
        default=False,
    )
    fresh: bool = declared(
        parse_switch,
        "run the test in an interpreter of its own, cold: imports and first calls count; "
        "[its call alone](../explanation/measuring.md#a-cold-start) is an entry too",
        default=False,
    )
    isolate: bool = declared(
        parse_switch,
        "run the test in a [fork](../how-to/isolate.md) of pytest, warm as usual: a crash ends it alone",
        default=False,
    )
    fixtures: bool = declared(parse_switch, "count set-up and tear-down too", default=False)
    meter: str | None = declared(parse_meter, METER_HELP, default=None)

    @property
    def gates_allocations(self) -> bool:
        """Say whether the number of allocations decides anything; counting each of them takes time."""
        return self.max_allocations is not None or ALLOCATIONS in self.tolerances

    @property
    def at_once(self) -> int:
        """How many calls of the body one execution of the test makes."""
        return self.threads * self.tasks

    @property
    def orders_tried(self) -> tuple[int, ...]:
        """The numbers of the orders in which threads take turns; 0 is lockstep."""
        if self.threads == 1:
            return (0,)
        return tuple(range(self.orders)) if self.order is None else (self.order,)

    def limit_of(self, metric: str) -> int | None:
        """Return the limit that needs no baseline, if one is set for the metric."""
        limit: int | None = getattr(self, METRICS[metric].limit_key)
        return limit


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
    for name, value in read(Policy, written, section).items():
        before = getattr(policy, name)
        changes[name] = {**before, **value} if isinstance(value, Mapping) else value
    return replace(policy, **changes)  # type: ignore[arg-type]  # each reader returns its field's type
