"""What the samples and the leak check of one test say together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.sample import Curve
from pytest_memguard.core.sites import SiteBytes


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the samples of one test say together.

    `metrics` holds the floor of each metric; `spread` what still varied between warm
    samples, and how far the rate of a leak may be off; `first_cost` what the first sample cost
    above the floor. The true peak lies no more than `peak_doubt_bytes` above the one that is given.
    `curve` is that of the sample which needed the least.
    """

    meter: str
    samples: int
    metrics: Mapping[str, int]
    spread: Mapping[str, int] = field(default_factory=dict)
    first_cost: Mapping[str, int] = field(default_factory=dict)
    sites: tuple[SiteBytes, ...] = ()
    leak: LeakFinding | None = None
    notes: tuple[str, ...] = ()
    peak_doubt_bytes: int = 0
    curve: Curve | None = None
