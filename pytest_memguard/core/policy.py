"""The tolerances and limits that apply to a test, and how they are read from what users write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pytest_memguard.core.errors import UnknownNameError, ValueFormError, nearest
from pytest_memguard.core.metrics import ALLOCATIONS, METRICS, PEAK, RETAINED, SETTLED
from pytest_memguard.core.units import KIB, parse_count, parse_seconds, parse_share, parse_size

_FORMS = "'5%', '64 KiB', '5%, 64 KiB', or a mapping by metric such as {'peak': '5%'}"
MAX_THREADS = 256


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


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decides how one test is measured and judged.

    Sizes are bytes, `leak_budget_seconds` is CPU time,
    `thread_timeout_seconds` time on the clock. `tolerances` holds a tolerance for
    each gated metric; a metric without one is recorded and not gated.
    """

    tolerances: Mapping[str, Tolerance] = field(
        default_factory=lambda: dict.fromkeys((PEAK, RETAINED, SETTLED), DEFAULT_TOLERANCE)
    )
    max_peak: int | None = None
    max_retained: int | None = None
    max_allocations: int | None = None
    max_leak_per_call: int | None = None
    leaks: bool = False
    threads: int = 1
    thread_timeout_seconds: float = 30.0
    native: bool = False
    children: bool = False
    fresh: bool = False
    fixtures: bool = False
    meter: str | None = None
    leak_budget_seconds: float = 1.0
    leak_ceiling_bytes: int = 1024**3

    @property
    def gates_allocations(self) -> bool:
        """Say whether the number of allocations decides anything; counting each of them takes time."""
        return self.max_allocations is not None or ALLOCATIONS in self.tolerances

    def limit_of(self, metric: str) -> int | None:
        """Return the limit that needs no baseline, if one is set for the metric."""
        limits = {PEAK: self.max_peak, RETAINED: self.max_retained, ALLOCATIONS: self.max_allocations}
        return limits.get(metric)


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


def parse_tolerances(value: object, base: Mapping[str, Tolerance]) -> dict[str, Tolerance]:
    """Read a tolerance for all byte metrics, or a mapping by metric laid over `base`."""
    if not isinstance(value, Mapping):
        tolerance = parse_tolerance(value)
        return {**base, **dict.fromkeys((PEAK, RETAINED, SETTLED), tolerance)}
    for name in value:
        if name not in METRICS:
            raise UnknownNameError(f"tolerance names the metric {name!r}, {nearest(str(name), METRICS)}")
    return {**base, **{str(name): parse_tolerance(part) for name, part in value.items()}}


def _parse_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueFormError(f"{value!r} is not a switch; accepted are true and false.")
    return value


def _parse_threads(value: object) -> int:
    threads = parse_count(value)
    if not 1 <= threads <= MAX_THREADS:
        raise ValueFormError(f"{value!r} is not a number of threads; accepted is 1 to {MAX_THREADS}.")
    return threads


def parse_meter(value: object) -> str:
    """Read the name of a meter."""
    if value not in ("memray", "tracemalloc"):
        raise ValueFormError(f"{value!r} is not a meter; accepted are 'memray' and 'tracemalloc'.")
    return str(value)


_READERS: dict[str, tuple[str, Callable[[object], object]]] = {
    "max_peak": ("max_peak", parse_size),
    "max_retained": ("max_retained", parse_size),
    "max_allocations": ("max_allocations", parse_count),
    "max_leak_per_call": ("max_leak_per_call", parse_size),
    "leaks": ("leaks", _parse_flag),
    "threads": ("threads", _parse_threads),
    "thread_timeout": ("thread_timeout_seconds", parse_seconds),
    "native": ("native", _parse_flag),
    "children": ("children", _parse_flag),
    "fresh": ("fresh", _parse_flag),
    "fixtures": ("fixtures", _parse_flag),
    "meter": ("meter", parse_meter),
    "leak_budget": ("leak_budget_seconds", parse_seconds),
    "leak_ceiling": ("leak_ceiling_bytes", parse_size),
}
POLICY_KEYS = ("tolerance", *_READERS)
"""What a marker, `[tool.memguard]` and a `[[tool.memguard.policy]]` may say about a test."""


def overlay(policy: Policy, written: Mapping[str, object]) -> Policy:
    """Lay what a user wrote over a policy.

    Raises `UnknownNameError` for a key that is none of `POLICY_KEYS`, and `ValueFormError`
    for a value that cannot be read; both name the key.
    """
    changes: dict[str, object] = {}
    for key, value in written.items():
        if key == "tolerance":
            changes["tolerances"] = _read(
                key, lambda given: parse_tolerances(given, policy.tolerances), value
            )
        elif key in _READERS:
            name, reader = _READERS[key]
            changes[name] = _read(key, reader, value)
        else:
            raise UnknownNameError(f"there is no argument {key!r}, {nearest(key, POLICY_KEYS)}")
    return replace(policy, **changes)  # type: ignore[arg-type]  # each reader returns its field's type


def _read(key: str, reader: Callable[[object], object], value: object) -> object:
    try:
        return reader(value)
    except ValueFormError as error:
        raise ValueFormError(f"{key}: {error}") from error
