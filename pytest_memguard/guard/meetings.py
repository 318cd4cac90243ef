"""Adds to the sites of a sample where threads or tasks stood at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pytest_memguard.core.sample import Sample
from pytest_memguard.core.sites import SiteBytes

_NAMED_SHARE = 0.02
"""What held less of the peak explains none."""


def with_named_sites(sample: Sample, told: Callable[[SiteBytes], SiteBytes]) -> Sample:
    """Return a sample whose larger sites are replaced by what `told` makes of them."""
    floor_bytes = _NAMED_SHARE * sample.peak_bytes
    return replace(
        sample, sites=tuple(told(held) if held.peak_bytes >= floor_bytes else held for held in sample.sites)
    )
