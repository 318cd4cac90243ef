"""Repeats a test honestly: the same fixtures, its own event loop, no output, and a clear end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_memguard.model import LeakFinding
from pytest_memguard.policy import Policy
from pytest_memguard.quiet import let_go, quietly
from pytest_memguard.repeating_item import repeatable_body
from pytest_memguard.rerun import describe
from pytest_memguard.session import GuardSession
from pytest_memguard.threaded_item import concurrent_body

EXPLAIN_SECONDS = 3.0
"""How long a traced pass over a body that settled higher may take."""


class CannotRepeatError(Exception):
    """A body that cannot be repeated; the sentence is the reason of `not-measured`."""


def run_check(
    body: Callable[[], object],
    policy: Policy,
    session: GuardSession,
    *,
    test_id: str,
    between: Callable[[], None] | None = None,
    calls_before: int = 0,
) -> LeakFinding:
    """Run the leak check on a body under a policy; a leak that is accepted is not explained.

    `calls_before` is how often the body ran with the same fixtures before. Raises
    `CannotRepeatError` where a later call of the body fails. With several threads such a
    failure is what the check was asked to shake out, and goes on up as itself.
    """
    from pytest_memguard.leaks import BodyFailedError, check_leaks  # noqa: PLC0415 - only leak checks load psutil

    try:
        return check_leaks(
            body,
            budget_seconds=policy.leak_budget_seconds,
            ceiling_bytes=policy.leak_ceiling_bytes,
            native=policy.native,
            between=between,
            threads=policy.threads,
            stuck_seconds=policy.thread_timeout_seconds,
            root=session.root,
            is_news=lambda finding: session.is_new_leak(test_id, finding, policy),
            is_in_doubt=lambda finding: session.is_leak_in_doubt(test_id, finding, policy),
        )
    except BodyFailedError as error:
        if policy.threads > 1:
            raise error.original from error
        number = calls_before + error.call
        reason = f"it cannot be repeated: call {number} failed with {describe(error.original)}"
        raise CannotRepeatError(reason) from error


def check_item(
    item: pytest.Item, runtest: Callable[[], None], policy: Policy, session: GuardSession
) -> LeakFinding:
    """Repeat an item's body with the fixtures it has."""
    with quietly(item) as drop:
        body = repeatable_body(item, runtest) if policy.threads == 1 else concurrent_body(item)
        try:
            return run_check(body, policy, session, test_id=item.nodeid, between=drop, calls_before=1)
        except CannotRepeatError as error:
            del body
            let_go(error)
            raise


def explain_settled(
    item: pytest.Item, runtest: Callable[[], None], calls: int, session: GuardSession
) -> LeakFinding:
    """Name the sites of what an item's body settles at; nothing else is found out."""
    from pytest_memguard.leaks.settled import settled_sites  # noqa: PLC0415 - only leak checks load it

    with quietly(item):
        body = repeatable_body(item, runtest)
        sites = settled_sites(body, calls=calls, seconds=EXPLAIN_SECONDS, namer=session.namer)
    return LeakFinding(leaking=False, bytes_per_call=0, calls=calls, sites=sites)
