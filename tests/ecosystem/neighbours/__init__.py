"""Every neighbour that is tried, by what it is for."""

from __future__ import annotations

import os

from tests.ecosystem.neighbours import (
    asynchronous,
    data,
    databases,
    doubles,
    frameworks,
    kinds,
    libraries,
    parameters,
    runners,
    services,
    watchers,
    web,
)

NEIGHBOURS = (
    *asynchronous.NEIGHBOURS,
    *frameworks.NEIGHBOURS,
    *web.NEIGHBOURS,
    *databases.NEIGHBOURS,
    *doubles.NEIGHBOURS,
    *data.NEIGHBOURS,
    *services.NEIGHBOURS,
    *libraries.NEIGHBOURS,
    *parameters.NEIGHBOURS,
    *kinds.NEIGHBOURS,
    *runners.NEIGHBOURS,
    *watchers.NEIGHBOURS,
)

ALL = os.environ.get("MEMGUARD_ECOSYSTEM") == "all"
"""Whether every neighbour is tried in every stage, not only what is tried on every change."""

TRIED = tuple(neighbour for neighbour in NEIGHBOURS if ALL or neighbour.is_core)

SHARED = frozenset(
    requirement for neighbour in TRIED if not neighbour.is_alone for requirement in neighbour.requirements
)
"""What the environment that most of them share has installed."""
