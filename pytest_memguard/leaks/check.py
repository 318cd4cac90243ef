"""One leak check of one body: screen it, then explain the finding."""

from __future__ import annotations

import gc
import inspect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from pytest_memguard.core.leak_finding import Answer, Bound, CountGrowth, Doubt, KnownGrowth, LeakFinding
from pytest_memguard.core.metrics import BLOCKS, RESIDENT, SETTLED
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sites import SiteBytes
from pytest_memguard.leaks.counted_lines import leaving_line
from pytest_memguard.leaks.few_calls import is_proved, without_proof
from pytest_memguard.leaks.findings import (
    MOST_BYTES,
    beside,
    beyond_all,
    bounded,
    cut_short,
    filled_up,
    fingerprint_of,
    screened_finding,
    settles_at,
)
from pytest_memguard.leaks.holders.bounds import has_bound
from pytest_memguard.leaks.holders.clock import PATIENCE, OutOfTimeError, SearchClock
from pytest_memguard.leaks.holders.enlarging import Enlarging, calls_each_round, enlarging_values
from pytest_memguard.leaks.holders.gaining import READINGS, Gaining, Lengths
from pytest_memguard.leaks.holders.held import Held
from pytest_memguard.leaks.holders.object_names import Step
from pytest_memguard.leaks.holders.records import Record, is_of_bench
from pytest_memguard.leaks.holders.search import HolderSearch
from pytest_memguard.leaks.holders.surviving import Survivors, may_hide_objects, survivors
from pytest_memguard.leaks.ladder import TURNED_OVER_CALLS
from pytest_memguard.leaks.lines import Leak, leak_sites
from pytest_memguard.leaks.process_memory import ProcessMemory
from pytest_memguard.leaks.repeating import BodyFailedError, Repeater
from pytest_memguard.leaks.rounds import Round, round_of
from pytest_memguard.leaks.screen import Screen, Screened, rehearse
from pytest_memguard.meters.garbage import only_new_garbage
from pytest_memguard.meters.protocol import Meter
from pytest_memguard.meters.site_namer import SiteNamer

_DEFAULT_POLICY = Policy()
_EXPLAIN_FACTOR = 2.0
_HOLDER_FACTOR = 3.0
"""How many budgets of CPU time may go into finding the lines of a leak, and its holder."""

_HOLDER_SECONDS = 5.0
"""The least time for a search: how long it takes depends on the objects of the session, not on the budget."""

_HOLDER_CALLS = 8
_HOLDER_ROUNDS = 4
_HOLDER_MOST_CALLS = 512
_HOLDER_BYTES = 1_000_000
"""The calls after which a holder is looked for, at least and at most; they should leave no more than this."""

_COUNTED_MOST_CALLS = 64
_MOST_RECORDS = 64
"""The most containers of the test bench whose records are dropped; then the finding stands as it is."""

_SEEN_SHARE = 0.4
_AN_OBJECT_BYTES = 16
"""Where the lines explain less than this share of growth of resident memory, most of it was mapped."""

_RESIDENT_ALONE = (
    "most of it shows only in resident memory: it is mapped, or an allocator keeps it, and no line is known "
    "to allocate it"
)


class LeakCheck:
    """Repeats `body`: `screen` looks for a leak, `explain` then says where it is.

    The policy says how much CPU time sizes the check, what it may add to the process, and how many calls
    are made at once. `between` is called after each window, to drop what the body printed or
    logged. For a body that runs in several threads, `calling` opens a context whose value calls the
    body from all of them. `renew` sets the fixtures of the test up again.
    """

    def __init__(
        self,
        body: Callable[[], object],
        policy: Policy = _DEFAULT_POLICY,
        *,
        between: Callable[[], None] | None = None,
        calling: Callable[[], AbstractContextManager[Callable[[], object]]] | None = None,
        renew: Callable[[], None] = lambda: None,
    ) -> None:
        self._body = body
        self._policy = policy
        self._between = between or (lambda: None)
        self._calling = calling or (lambda: nullcontext(body))
        self._renew = renew
        self._screened: Screened | None = None
        self._lengths: Lengths | None = None
        self._records: list[Record] = []

    def screen(self) -> LeakFinding:
        """Repeat the body untraced and say whether memory keeps growing per call.

        Raises `BodyFailedError` where a call fails, with the error and the call's number.
        """
        rehearse()
        gc.unfreeze()  # else the lengths of older containers are not known
        gc.collect()  # garbage of what ran before would seem to die during the check
        self._lengths = Lengths()
        with self._calling() as body, only_new_garbage():
            self._screened = Screen(body, self._policy, between=self._drop).run()
        return screened_finding(self._screened)

    def look_closer(self, finding: LeakFinding, namer: SiteNamer) -> LeakFinding:
        """Look for what piles up though the readings settle, and name it: the check cannot tell then."""
        if finding.answer is not Answer.SETTLES:
            return finding
        growing: list[Gaining | Enlarging] = []
        try:
            left = self._piling_up(finding, growing)
        except OutOfTimeError:
            return cut_short(finding)
        if not growing and left is None:
            return finding
        self._renew()
        gc.collect()
        return self._named(finding, growing, left, namer)

    def _piling_up(self, finding: LeakFinding, growing: list[Gaining | Enlarging]) -> Survivors | None:
        """Return the objects that outlive later calls, and add what gets longer or larger to `growing`.

        Raises `OutOfTimeError` where a session has too many objects to look at, or too large ones.
        """
        left: Survivors | None = None
        if self._screened is None or self._lengths is None:
            return left
        clock = self._clock(patience=PATIENCE)
        repeat = clock.stopped_for(self._repeat)
        is_by_one = self._policy.at_once == 1
        with suppress(BodyFailedError):
            growing += self._lengths.gaining(repeat, finding.calls, steps=READINGS if is_by_one else 1)
            if is_by_one and may_hide_objects(self._screened.windows):
                left = survivors(repeat, finding.calls, tick=clock.check)
            if is_by_one and (each := calls_each_round(self._screened.windows)):
                growing += enlarging_values(repeat, each, tick=clock.check)
        return left

    def _clock(self, *, patience: int = 1) -> SearchClock:
        seconds = max(_HOLDER_SECONDS, _HOLDER_FACTOR * self._policy.leak_budget_seconds)
        return SearchClock(seconds, patience=patience)

    def _named(
        self,
        finding: LeakFinding,
        growing: Sequence[Gaining | Enlarging],
        left: Survivors | None,
        namer: SiteNamer,
    ) -> LeakFinding:
        """Name what is still there now that the fixtures of the test are new, unless it is of the test bench.

        If nothing is, or if objects are left in holders with a bound, the body settles.
        """
        search = HolderSearch(self._repeat, finding, namer=namer, clock=self._clock(patience=PATIENCE))
        chains = (search.chain_to(one.find()) for one in growing)
        try:
            chain = _first_named(itertools.chain(chains, self._chains_to_survivors(left, search, namer)))
        except OutOfTimeError:
            return cut_short(finding)
        return finding if chain is None else beside(finding, chain)

    def _chains_to_survivors(
        self, left: Survivors | None, search: HolderSearch, namer: SiteNamer
    ) -> Iterator[tuple[Step, ...]]:
        """Yield the chains to what holds objects that are left, except for holders with a bound."""
        if left is None or not left.are_alive():
            return
        tick = search.clock.check
        holders = left.holders(tick)
        if not holders:
            yield ()
        for one in holders:
            if not has_bound(one) and not is_of_bench(one, namer, but=holders, tick=tick):
                yield search.chain_to(one) or ()

    def explain(self, finding: LeakFinding, meter: Meter) -> LeakFinding:
        """Add which lines allocate what stays behind, and what holds it.

        `meter` traces, and names files. Frames of extensions are recorded where the policy asks for them, and
        where C memory grows without Python objects. The note says what cannot be explained; the finding stays
        a leak.
        """
        namer = meter.namer
        notes = [finding.note] if finding.note else []
        each = self._round()
        sites = self._sites(finding, each, meter, notes)
        counts = tuple(self._located(count, namer) for count in finding.counts)
        held = self._held(finding, each, namer, notes)
        explained = replace(
            finding,
            sites=sites or self.own_line(finding, namer),
            counts=counts,
            held_by=tuple(step.text for step in held.steps),
            kinds=held.kinds,
            fingerprint=fingerprint_of(held.steps, sites),
            note="; ".join(notes),
        )
        if held.records and len(self._records) < _MOST_RECORDS:
            return self._beside_records(explained, held.records, meter)
        is_beyond = settles_at(held.bounds) > max(MOST_BYTES, self._policy.limits.get(SETTLED, 0))
        if is_beyond:
            explained = beyond_all(explained, held.bounds)
        elif self._is_bounded(held.bounds):
            return bounded(explained, held.bounds)
        if not held.steps and (settled := self._has_settled_since(finding)):
            return settled
        is_of_program = held.is_of_program or is_beyond
        if is_proved(finding, is_of_program=is_of_program, still_leaks=self._still_leaks):
            return explained
        return without_proof(explained)

    def _beside_records(self, finding: LeakFinding, records: Sequence[Record], meter: Meter) -> LeakFinding:
        """Judge what is left once the records of the test bench are dropped after each window.

        What they added is shown apart. If the body fails without them, the finding stands, with a note.
        """
        self._records.extend(records)
        try:
            rest = self.screen()
        except BodyFailedError as error:
            note = f"the test bench keeps a part of it, and call {error.call} failed without that part"
            return finding.with_note(note)
        known = KnownGrowth(
            reason=f"a plugin or a test double keeps it, not the program: {records[0].name}",
            bytes_per_call=max(0, finding.bytes_per_call - rest.bytes_per_call),
        )
        rest = self.explain(rest, meter) if rest.leaking else self.look_closer(rest, meter.namer)
        return replace(rest, known=(*finding.known, known, *rest.known)) if known.bytes_per_call else rest

    def _drop(self) -> None:
        """Drop what the body printed or logged, and what the test bench recorded of it."""
        self._between()
        for record in self._records:
            record.drop()

    def _is_bounded(self, bounds: tuple[Bound, ...]) -> bool:
        """Say whether all that grew has a bound; a container that is full by now must not grow any more."""
        if any(bound.entries >= bound.at_most for bound in bounds):
            return self.screen().answer is Answer.SETTLES
        return bool(bounds)

    def _has_settled_since(self, finding: LeakFinding) -> LeakFinding | None:
        """Return what a further screen shows where nothing grows any more: a cache was full by then.

        Calls that are too few to tell a leak from a cache may be all that it takes to fill one. In fewer than
        it takes to fill one of the standard library, a leak that comes now and then could seem to settle.
        """
        is_open = Doubt.COULD_BE_CACHE in finding.doubts and finding.calls >= TURNED_OVER_CALLS
        if not is_open or finding.counts:
            return None
        try:
            later = self.screen()
        except BodyFailedError:
            return None
        return filled_up(finding, later) if later.answer is Answer.SETTLES else None

    def _still_leaks(self) -> bool:
        """Say whether memory still grows, after the calls that looked for lines and holders."""
        try:
            return self.screen().leaking
        except BodyFailedError:
            return True

    def _round(self) -> Round:
        """Return how many calls it takes until something is added to the leak."""
        if self._screened is None or self._policy.at_once > 1:
            return Round()
        return round_of(self._screened.windows, self._grew())

    def _grew(self) -> tuple[str, ...]:
        return self._screened.growth.signals if self._screened is not None else ()

    def _sites(
        self, finding: LeakFinding, each: Round, meter: Meter, notes: list[str]
    ) -> tuple[SiteBytes, ...]:
        """Return the sites of what leaks; a note says where they are not known, or are not all there is."""
        grew = self._grew()
        in_rounds = each.of(finding)
        leak = Leak(
            bytes_per_call=in_rounds.bytes_per_call,
            calls=in_rounds.calls,
            native=self._policy.native or (bool(grew) and BLOCKS not in grew),
            at_once=self._policy.at_once,
            is_by_rounds=each.calls > 1,
        )
        seconds = _EXPLAIN_FACTOR * self._policy.leak_budget_seconds
        sites: tuple[SiteBytes, ...] = ()
        try:
            found = leak_sites(each.repeating(self._repeat), leak, meter=meter, seconds=seconds)
            sites = tuple(map(each.site_of_a_call, found))
        except BodyFailedError as error:
            notes.append(f"its lines are not known: call {error.call} failed while they were traced")
        if RESIDENT in grew and sum(map(_own_bytes, sites)) < _SEEN_SHARE * finding.bytes_per_call:
            sites = tuple(site for site in sites if site.retained_bytes >= _AN_OBJECT_BYTES)
            notes.append(_RESIDENT_ALONE)
        return sites

    def _located(self, count: CountGrowth, namer: SiteNamer) -> CountGrowth:
        """Add the line that leaves something behind, where the system lists what there is."""
        present = ProcessMemory().listing(count.unit)
        if present is None or self._policy.at_once > 1:
            return count
        calls = min(_COUNTED_MOST_CALLS, math.ceil(1 / count.per_call))
        try:
            line = leaving_line(
                partial(self._repeat, calls),
                present,
                namer=namer,
                seconds=max(_HOLDER_SECONDS, self._policy.leak_budget_seconds),
            )
        except BodyFailedError:
            return count
        return replace(count, site=line)

    def _held(self, finding: LeakFinding, each: Round, namer: SiteNamer, notes: list[str]) -> Held:
        """Return what holds what leaks; a note says why that is not known."""
        in_rounds = each.of(finding)
        search = HolderSearch(each.repeating(self._repeat), in_rounds, namer=namer, clock=self._clock())
        try:
            held = search.find(_holder_calls(in_rounds, _HOLDER_CALLS if each.calls == 1 else _HOLDER_ROUNDS))
        except Exception as error:  # noqa: BLE001 - objects of any library are looked at, and may answer with any error
            notes.append(f"its holder is not known: the search failed with {type(error).__name__}")
            return Held()
        if held.is_cut_short:
            notes.append("its holder is not known: the search ran out of time")
        notes += [
            f"{bound.holder} states a bound of {bound.at_most:,} entries, which was not seen to be kept"
            for bound in held.not_kept
        ]
        return replace(held, kinds=tuple(map(each.kind_of_a_call, held.kinds)))

    def _repeat(self, calls: int) -> None:
        """Make that many calls, from new threads: a tracer sees no lines of threads started before it.

        Collections look at new objects alone, as in the readings that said how many calls a body is worth.
        """
        try:
            with self._calling() as body, only_new_garbage():
                Repeater(body, self._policy.at_once)(calls)
        finally:
            self._drop()  # what the bench records is neither a line nor a holder of the leak

    def own_line(self, finding: LeakFinding, namer: SiteNamer) -> tuple[SiteBytes, ...]:
        """Name the body itself, for memory that no allocator handed out: such memory has no stack."""
        function: Any = inspect.unwrap(self._body)
        while isinstance(function, partial):
            function = inspect.unwrap(function.func)
        code = getattr(function, "__code__", None)
        if code is None or not finding.bytes_per_call:
            return ()
        site = namer.site_in(code, code.co_firstlineno)
        return (SiteBytes(site=site, retained_bytes=finding.bytes_per_call),)


def _first_named(chains: Iterable[tuple[Step, ...] | None]) -> tuple[Step, ...] | None:
    """Return the first chain that has a name, else one without; None if there is none at all."""
    found: tuple[Step, ...] | None = None
    for chain in chains:
        if chain:
            return chain
        found = found if chain is None else chain
    return found


def _own_bytes(site: SiteBytes) -> int:
    return 0 if site.is_inner else site.retained_bytes


def _holder_calls(finding: LeakFinding, least: int) -> int:
    """Return how many calls leave enough behind to find its holder, but not too many objects to look at."""
    return max(
        least,
        min(_HOLDER_MOST_CALLS, finding.calls // 32, _HOLDER_BYTES // max(1, finding.bytes_per_call)),
    )
