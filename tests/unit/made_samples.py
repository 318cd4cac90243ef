"""Samples as a meter returns them."""

from __future__ import annotations

from pytest_memguard.core.sample import Sample
from pytest_memguard.core.sites import SiteBytes


def sample(
    peak: int,
    retained: int = 0,
    allocations: int | None = None,
    sites: tuple[SiteBytes, ...] = (),
    harness_bytes: int = 0,
) -> Sample:
    """Return a sample; one whose allocations nobody counted has no figure for them."""
    counted = {} if allocations is None else {"allocations": allocations}
    return Sample({"peak": peak, "retained": retained, **counted}, sites, harness_bytes)
