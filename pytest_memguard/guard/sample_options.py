"""How the samples of a test are taken, by its policy."""

from __future__ import annotations

from pytest_memguard.core.policy import Policy
from pytest_memguard.gate.confirm import most_records
from pytest_memguard.meters import SampleOptions


def sample_options(policy: Policy, *, counted: bool, near_bytes: int | None = None) -> SampleOptions:
    """Return the options of one sample; see `SampleOptions`."""
    return SampleOptions(
        native=policy.native,
        children=policy.children,
        counted=counted,
        at_most=most_records(policy),
        near_bytes=near_bytes,
    )
