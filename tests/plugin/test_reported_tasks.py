"""Races of tasks after public reports: each is found, and the right code needs the same every time."""

from __future__ import annotations

import inspect

from tests.guarded_project import GuardedProject
from tests.plugin import reported_tasks

_BY_ADDRESS = 2_048
"""asyncio keeps all tasks in a set, which grows when their addresses lead to the same places in it."""


def test_a_reported_race_of_tasks_is_found_and_the_right_code_needs_the_same_every_time(
    project: GuardedProject,
) -> None:
    project.write(
        reported=inspect.getsource(reported_tasks),
        test_it="""
            import pytest, reported

            @pytest.fixture
            async def body(case, number):
                return case()[number]

            @pytest.mark.asyncio
            @pytest.mark.memguard(tasks=8, orders=1, max_peak="640 KiB")
            @pytest.mark.parametrize("number", [0, 1], ids=["racy", "right"])
            @pytest.mark.parametrize("case", reported.CASES, ids=lambda case: case.__name__)
            async def test_it(body):
                await body()
        """,
    )
    options = ("-p", "pytest_asyncio.plugin", "-o", "asyncio_mode=auto")
    first = project.run(*options).results()
    again = project.run(*options, "-k", "right").results()
    for case in reported_tasks.CASES:
        right = f"test_it[{case.__name__}-right]"
        assert first[f"test_it[{case.__name__}-racy]"]["outcome"] == "over-limit"
        assert first[right]["outcome"] == again[right]["outcome"] == "no-baseline"
        peaks = [results[right]["metrics"]["peak"]["measured"] for results in (first, again)]
        assert max(peaks) - min(peaks) <= _BY_ADDRESS
