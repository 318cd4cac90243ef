"""Every neighbour that is tried, by what it is for."""

from __future__ import annotations

from tests.ecosystem.neighbours import asynchronous, data, doubles, frameworks, kinds, runners, watchers

NEIGHBOURS = (
    *asynchronous.NEIGHBOURS,
    *frameworks.NEIGHBOURS,
    *doubles.NEIGHBOURS,
    *data.NEIGHBOURS,
    *kinds.NEIGHBOURS,
    *runners.NEIGHBOURS,
    *watchers.NEIGHBOURS,
)

SHARED = frozenset(
    requirement
    for neighbour in NEIGHBOURS
    if not neighbour.is_alone
    for requirement in neighbour.requirements
)
"""What the environment that most of them share has installed."""
