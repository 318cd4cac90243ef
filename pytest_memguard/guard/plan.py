"""Decides which tests are guarded and under which policy, from markers, options and settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pytest

from pytest_memguard.core.errors import MarkerError, MemguardError, nearest
from pytest_memguard.core.policy import POLICY_KEYS, Policy
from pytest_memguard.core.readers import declarations
from pytest_memguard.core.settings import Settings
from pytest_memguard.guard.pytest_memray import limits_of

FIXTURE = "memguard"
BODY = "body"
"""The region of a fresh test that is its call alone, without imports and set-up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one guarded test is measured: as a whole, by regions, or both.

    `asks` says that its own markers ask for a leak check, for threads or for a limit.
    """

    policy: Policy
    whole: bool
    regions: bool
    asks: bool = False

    def guards(self, region: str) -> bool:
        """Say whether a test is guarded for a region of it, or as a whole where no region is named."""
        if not region:
            return self.whole
        return self.regions or (self.policy.fresh and region == BODY)


PLAN = pytest.StashKey[Plan]()


def plan_for(
    item: pytest.Item, settings: Settings, *, everything: bool, overrides: Mapping[str, object]
) -> Plan | None:
    """Return how an item is measured, or None where it is not guarded.

    `everything` guards items without a marker too; `overrides` beats every marker.
    Raises `MarkerError` with the test, the value and the accepted forms.
    """
    if not is_guarded(item, everything=everything):
        return None
    marks = list(item.iter_markers("memguard"))
    try:
        limits = limits_of(item)
        policy = settings.policy_for(item.nodeid, limits, *_written(marks), overrides)
    except MemguardError as error:
        raise MarkerError(f"{item.nodeid}: {error}") from error
    return Plan(
        policy=policy,
        whole=bool(marks) or everything,
        regions=_has_fixture(item),
        asks=bool(limits) or any(_asks(mark) for mark in marks),
    )


def is_guarded(item: pytest.Item, *, everything: bool) -> bool:
    """Say whether an item is guarded: by a marker, by the fixture, or since everything is."""
    return everything or item.get_closest_marker("memguard") is not None or _has_fixture(item)


def refuse_twins(items: Iterable[pytest.Item], *, everything: bool) -> None:
    """Raise `MarkerError` for two guarded tests of one id, which would share an entry."""
    first: dict[str, pytest.Item] = {}
    for item in items:
        twin = first.setdefault(item.nodeid, item)
        if twin is not item and is_guarded(item, everything=everything):
            raise MarkerError(
                f"two tests have the id {item.nodeid!r}, so their figures cannot be distinguished: one in "
                f"{twin.path}, one in {item.path}. Give their files a common root with --rootdir, "
                "or run them apart."
            )


def _has_fixture(item: pytest.Item) -> bool:
    return FIXTURE in getattr(item, "fixturenames", ())


def _asks(mark: pytest.Mark) -> bool:
    """Say whether a marker asks for a check; a limit of 0 does as well."""
    return any(declarations(Policy)[key].asks and value is not False for key, value in mark.kwargs.items())


def _written(marks: list[pytest.Mark]) -> list[Mapping[str, object]]:
    """Return the markers' arguments, the farthest first, so that the closest one wins."""
    for mark in marks:
        if mark.args:
            raise MarkerError(
                f"the marker takes keyword arguments only, got {mark.args[0]!r}; "
                f"{nearest(str(mark.args[0]), POLICY_KEYS)}"
            )
    return [mark.kwargs for mark in reversed(marks)]
