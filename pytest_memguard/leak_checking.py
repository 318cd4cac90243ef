"""Repeats a test honestly: the same fixtures, its own event loop, no output, and a clear end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_memguard.model import LeakFinding
from pytest_memguard.policy import Policy
from pytest_memguard.quiet import quietly
from pytest_memguard.session import GuardSession


def run_check(
    body: Callable[[], None],
    policy: Policy,
    session: GuardSession,
    *,
    between: Callable[[], None] | None = None,
) -> LeakFinding:
    """Run the leak check on a body under a policy."""
    from pytest_memguard.leaks import check_leaks  # noqa: PLC0415 - only leak checks load psutil

    return check_leaks(
        body,
        budget_seconds=policy.leak_budget_seconds,
        ceiling_bytes=policy.leak_ceiling_bytes,
        threads=policy.threads,
        native=policy.native,
        between=between,
        root=session.root,
    )


def check_item(
    item: pytest.Item, runtest: Callable[[], None], policy: Policy, session: GuardSession
) -> LeakFinding:
    """Repeat an item's body with the fixtures it has."""
    with quietly(item) as drop:
        return run_check(runtest, policy, session, between=drop)
