"""Says of the larger sites of a sample where the threads or tasks that made them were at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pytest_memguard.core.sample import Sample
from pytest_memguard.core.sites import SiteBytes

_NAMED_SHARE = 0.02
"""A site that holds a smaller share of the peak explains nothing."""


def with_named_sites(sample: Sample, told: Callable[[SiteBytes], SiteBytes]) -> Sample:
    """Return a sample with `told` applied to each of its larger sites."""
    floor_bytes = _NAMED_SHARE * sample.peak_bytes
    return replace(
        sample, sites=tuple(told(held) if held.peak_bytes >= floor_bytes else held for held in sample.sites)
    )
