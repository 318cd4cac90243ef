"""What a search for the holders of a leak found."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_memguard.core.leak_finding import Bound, KindGrowth
from pytest_memguard.leaks.holders.object_names import Step
from pytest_memguard.leaks.holders.records import Record


@dataclass(frozen=True, slots=True)
class Held:
    """What a search found: the chain of holders, outermost first, and the bounds of what is not full yet.

    `kinds` are the types of what the innermost holder gained. `is_cut_short` says that the search ran out of
    time before it found a holder. `is_of_program` says that a container without a bound gains entries, and
    that the way to it leads through code outside the standard library. `records` gained something, and
    nothing but the test bench holds them. `not_kept` are bounds that were stated and not seen to be kept.
    """

    steps: tuple[Step, ...] = ()
    bounds: tuple[Bound, ...] = ()
    is_cut_short: bool = False
    kinds: tuple[KindGrowth, ...] = ()
    is_of_program: bool = False
    records: tuple[Record, ...] = ()
    not_kept: tuple[Bound, ...] = ()


@dataclass(frozen=True, slots=True)
class Gain:
    """An old object, and how many new ones it holds or leads to; a value that gets larger holds none."""

    number: int
    holder: object
    is_direct: bool = True
    is_value: bool = False
