"""Finds the lines whose allocations keep growing, from two traced windows, the second twice as long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from pytest_memguard.core.sites import Site, SiteBytes
from pytest_memguard.leaks.repeating import cpu_seconds
from pytest_memguard.meters.protocol import Meter
from pytest_memguard.meters.site_namer import SiteNamer
from pytest_memguard.meters.stacks import Frame, Survivor
from pytest_memguard.meters.tally import Tally


@dataclass(frozen=True, slots=True)
class Settled:
    """What is held after `calls`, in all and by site."""

    calls: int
    size_bytes: int
    sites: tuple[SiteBytes, ...]


def trace_settled(body: Callable[[], object], *, calls: int, seconds: float, meter: Meter) -> Settled:
    """Run `body` up to `calls` times, within some `seconds` of CPU time; return what is held then.

    The result means something only where the caches that the body fills are empty at first, as in
    an interpreter of its own. Raises `MeterError` where memray cannot trace.
    """
    made = 0

    def repeat() -> None:
        nonlocal made
        end = cpu_seconds() + seconds
        for made in range(1, calls + 1):  # noqa: B007 - how many were made is what is asked
            body()
            if cpu_seconds() > end:
                return

    tally = Tally(meter.namer)
    for size_bytes, _blocks, frames in meter.survivors(repeat):
        tally.add_retained(size_bytes, tally.charge(frames))
    sample = tally.sample()
    return Settled(made, sample.retained_bytes, sample.sites)


_Stack = tuple[Frame, ...]

_MOST_SITES = 10
_GREW = 1.5
_EXPLAINS = 0.4
"""The sites are enough if they explain this share: a block of 24 bytes takes 32 of the C heap."""
_FIRST_CALLS = 128
_LEAST_CALLS = 4
_LEAST_ROUNDS = 2
_MORE = 8
_FEW_BLOCKS = 2
_NO_FILE = "<unknown>"
_INTERPRETER = ("Objects/", "Python/", "Modules/", "Parser/", "./Include/", "Include/")


@dataclass(frozen=True, slots=True)
class Leak:
    """The leak to explain: its rate, the calls made so far, and whether only C memory grows.

    If only some calls add to it, what is meant by a call is a round, to which something is added.
    """

    bytes_per_call: int
    calls: int
    native: bool = False
    at_once: int = 1
    is_by_rounds: bool = False


def leak_sites(
    repeat: Callable[[int], object], leak: Leak, *, meter: Meter, seconds: float
) -> tuple[SiteBytes, ...]:
    """Run n and then 2n traced calls and return the sites that grew, in bytes per call.

    `repeat` calls the body as often as its argument says. Where few calls explain too little of the
    leak, as with a container that grows in ever larger steps, more are traced, for as long as that is
    expected to take no more than `seconds`.
    """
    least = _LEAST_ROUNDS if leak.is_by_rounds else _LEAST_CALLS
    calls = max(least, min(_FIRST_CALLS, leak.calls // 16))
    calls = -(-calls // leak.at_once) * leak.at_once
    while True:
        started = cpu_seconds()
        grown = _grown_stacks(*_windows(repeat, calls, meter, native=leak.native))
        sites = _sites(grown, calls, leak, meter.namer)
        spent = cpu_seconds() - started
        explained = max((site.retained_bytes for site in sites), default=0)
        more = min(calls * _MORE, max(calls, leak.calls))
        if explained >= _EXPLAINS * leak.bytes_per_call or more == calls or spent * _MORE > seconds:
            return sites
        calls = more


def _windows(
    repeat: Callable[[int], object], calls: int, meter: Meter, *, native: bool
) -> tuple[list[Survivor], list[Survivor]]:
    # Both from one place, so that their stacks compare.
    first, second = (
        meter.survivors(partial(_run, repeat, times), native=native) for times in (calls, 2 * calls)
    )
    return first, second


def _run(repeat: Callable[[int], object], calls: int) -> None:
    repeat(calls)


@dataclass(slots=True)
class _Held:
    size_bytes: int = 0
    blocks: int = 0


def _grown_stacks(first: Iterable[Survivor], second: Iterable[Survivor]) -> list[tuple[_Stack, _Held]]:
    """Return by how much each stack's survivors grew from the first window to the second, twice as long."""
    before = _by_stack(first)
    grown: list[tuple[_Stack, _Held]] = []
    for (stack, is_single), held in _by_stack(second).items():
        was = before.get((stack, is_single), _Held())
        if is_single:
            grown.append((stack, held))
        elif held.size_bytes > was.size_bytes and held.size_bytes >= _GREW * was.size_bytes:
            grown.append((stack, _Held(held.size_bytes - was.size_bytes, held.blocks)))
    return grown


def _by_stack(survivors: Iterable[Survivor]) -> dict[tuple[_Stack, bool], _Held]:
    """Add up by stack; a reallocated container is kept apart from what the same line puts into it."""
    held: dict[tuple[_Stack, bool], _Held] = {}
    for size_bytes, blocks, stack in survivors:
        sums = held.setdefault((stack, blocks <= _FEW_BLOCKS), _Held())
        sums.size_bytes += size_bytes
        sums.blocks += blocks
    return held


def _per_call(held: _Held, calls: int, calls_before: int) -> float:
    """Return bytes per call; a single block is a reallocated container, to which all calls so far added."""
    return held.size_bytes / (calls if held.blocks > _FEW_BLOCKS else calls_before + 3 * calls)


def _sites(
    grown: list[tuple[_Stack, _Held]],
    calls: int,
    leak: Leak,
    namer: SiteNamer,
) -> tuple[SiteBytes, ...]:
    """Add up the stacks by the line of the project, and by the library's line that it called, largest first.

    Together, the lines of the project come to no more than the rate of the leak.
    """
    totals: dict[Site, float] = defaultdict(float)
    within: dict[Site, float] = defaultdict(float)
    inner: dict[Site, dict[Site, float]] = {}
    for stack, held in grown:
        python = [frame for frame in stack if _is_python(frame)]
        if not python or not namer.belongs_to_test(python):
            continue
        rate = _per_call(held, calls, leak.calls)
        site, library = namer.site_of(python)
        inside = _native_place(stack, namer) or library
        totals[site] += rate
        if library is not None:
            within[library] += rate
        for place in (site, library) if library is not None else (site,):
            if inside is not None and inside != place:
                inside_of = inner.setdefault(place, defaultdict(float))
                inside_of[inside] += rate
    share = min(1.0, leak.bytes_per_call / (sum(totals.values()) or 1.0))
    charged = [_charged(site, share * totals[site], inner.get(site)) for site in totals]
    charged += [_charged(site, share * within[site], inner.get(site), is_inner=True) for site in within]
    charged.sort(key=lambda one: (-one.retained_bytes, one.is_inner, one.site.file, one.site.line))
    return tuple(one for one in charged if one.retained_bytes)[:_MOST_SITES]


def _charged(
    site: Site, rate: float, inside: dict[Site, float] | None, *, is_inner: bool = False
) -> SiteBytes:
    inner = max(inside, key=inside.__getitem__) if inside else None
    return SiteBytes(site=site, retained_bytes=int(rate), inner=inner, is_inner=is_inner)


def _is_python(frame: Frame) -> bool:
    return frame[1].endswith((".py", ".pyx", ">")) and frame[1] != _NO_FILE


def _native_place(stack: Sequence[Frame], namer: SiteNamer) -> Site | None:
    """Name the innermost function of an extension, leaving out the allocator and the interpreter."""
    for function, file, line in stack:
        if _is_python((function, file, line)):
            return None
        if function != _NO_FILE and not file.startswith(_INTERPRETER):
            name = "native" if file == _NO_FILE else namer.name_of(file)
            return Site(file=name, line=line, function=function)
    return None
