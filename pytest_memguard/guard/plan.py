"""Decides which tests are guarded and under which policy, from markers, options and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from pytest_memguard.core.errors import MarkerError, MemguardError, nearest
from pytest_memguard.core.policy import POLICY_KEYS, Policy
from pytest_memguard.core.settings import Settings

FIXTURE = "memguard"


@dataclass(frozen=True, slots=True)
class Plan:
    """How one guarded test is measured: as a whole, by regions, or both."""

    policy: Policy
    whole: bool
    regions: bool


PLAN = pytest.StashKey[Plan]()


def plan_for(
    item: pytest.Item, settings: Settings, *, everything: bool, overrides: Mapping[str, object]
) -> Plan | None:
    """Return how an item is measured, or None where it is not guarded.

    `everything` guards items without a marker too; `overrides` beats every marker.
    Raises `MarkerError` with the test, the value and the accepted forms.
    """
    marks = list(item.iter_markers("memguard"))
    regions = FIXTURE in getattr(item, "fixturenames", ())
    whole = bool(marks) or everything
    if not whole and not regions:
        return None
    try:
        policy = settings.policy_for(item.nodeid, *_written(marks), overrides)
    except MemguardError as error:
        raise MarkerError(f"{item.nodeid}: {error}") from error
    return Plan(policy=policy, whole=whole, regions=regions)


def _written(marks: list[pytest.Mark]) -> list[Mapping[str, object]]:
    """Return the markers' arguments, the farthest first, so that the closest one wins."""
    for mark in marks:
        if mark.args:
            raise MarkerError(
                f"the marker takes keyword arguments only, got {mark.args[0]!r}; "
                f"{nearest(str(mark.args[0]), POLICY_KEYS)}"
            )
    return [mark.kwargs for mark in reversed(marks)]
