"""The number of allocations: exact where it decides something, and recorded with every new entry."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject

CHURN = """
    import os, pytest

    @pytest.mark.memguard({marker})
    def test_churn():
        for _ in range(int(os.environ["TIMES"])):
            bytearray(2000)
"""


def counted(project: GuardedProject, test: str = "test_churn") -> int:
    return project.run().measured(test, "allocations")


def test_what_is_freed_at_once_is_counted(project: GuardedProject) -> None:
    project.write(test_it=CHURN.format(marker="max_allocations=100_000"))
    project.let(TIMES=100)
    before = counted(project)
    project.let(TIMES=1_100)
    added = counted(project) - before
    ints = 1_100 - 257  # range makes an int object of each number above those that are always there
    assert 2_000 <= added <= 2_000 + ints + 10


def test_a_limit_on_allocations_counts_more_than_what_is_alive(project: GuardedProject) -> None:
    project.write(test_it=CHURN.format(marker="max_allocations=1_000"))
    project.let(TIMES=100)
    assert project.run().outcomes() == {"test_churn": "no-baseline"}
    project.let(TIMES=1_000)
    run = project.run()
    assert run.outcomes() == {"test_churn": "over-limit"}
    assert "over max_allocations = 1,000" in run.reason("test_churn")


def test_a_new_entry_has_the_number_and_a_passing_run_does_not_count(project: GuardedProject) -> None:
    project.write(test_it=CHURN.format(marker=""))
    project.let(TIMES=50)
    project.accept()
    entries = "\n".join(path.read_text() for path in project.root.glob(".memguard/baseline/*/*.yml"))
    assert "allocations: 1" in entries
    assert "allocations" not in project.run().results()["test_churn"]["metrics"]


def test_tracemalloc_cannot_judge_a_limit_on_allocations(project: GuardedProject) -> None:
    project.write(test_it=CHURN.format(marker="max_allocations=1_000, meter='tracemalloc'"))
    project.let(TIMES=1)
    run = project.run()
    assert run.outcomes() == {"test_churn": "not-measured"}
    assert "tracemalloc cannot count allocations" in run.reason("test_churn")


@pytest.mark.parametrize("marker", ["fresh=True, max_allocations=10_000_000", "fixtures=True"])
def test_fresh_tests_and_fixtures_are_counted_too(project: GuardedProject, marker: str) -> None:
    project.write(test_it=CHURN.format(marker=marker))
    project.let(TIMES=500)
    assert counted(project) > 1_000
