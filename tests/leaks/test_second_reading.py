"""A leak that is known and grew a little is read twice, and the lower rate counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.policy import Policy
from pytest_memguard.guard.leak_check import check_leaks
from tests.leaks.closing_meter import meter_of


def rate_of_two_readings(first_bytes: int, then_bytes: int) -> int:
    """Return the rate of a body that leaves something else behind once it is in doubt."""
    kept: list[bytes] = []
    size_bytes = first_bytes

    def body() -> None:
        if size_bytes < 0:
            raise OSError("no more of it")
        if size_bytes:
            kept.append(bytes(size_bytes))  # the same on every Python, as bytearray is not

    def is_in_doubt(_finding: LeakFinding) -> bool:
        nonlocal size_bytes
        size_bytes = then_bytes
        return True

    with meter_of(Path(__file__).parent) as meter:
        finding = check_leaks(
            body,
            meter=meter,
            policy=Policy(leak_budget_seconds=0.1),
            is_news=lambda _: False,
            is_in_doubt=is_in_doubt,
        )
    assert finding.leaking
    return finding.bytes_per_call


@pytest.mark.parametrize(
    ("then_bytes", "counted_bytes"),
    [(200, 200), (400, 300), (0, 300), (-1, 300)],
    ids=["lower", "higher", "no leak", "fails"],
)
def test_the_lower_rate_of_two_counts_and_a_leak_stays_one(then_bytes: int, counted_bytes: int) -> None:
    beside = 96  # the object, its slot in a list that has room for more, and what malloc adds
    assert counted_bytes <= rate_of_two_readings(300, then_bytes) <= counted_bytes + beside
