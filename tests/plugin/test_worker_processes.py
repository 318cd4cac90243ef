"""Worker processes that fixtures started: what they do for a test cannot be counted, and that is said."""

from __future__ import annotations

import sys

import pytest

from tests.guarded_project import GuardedProject


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what another process does")
def test_a_worker_of_a_fixture_is_told_and_refused_where_children_are_to_be_counted(
    project: GuardedProject,
) -> None:
    project.write(
        test_it="""
            import multiprocessing, pytest
            KEPT = []

            def work(number):
                KEPT.append(bytearray(20_000))
                return number

            @pytest.fixture(scope="module")
            def pool():
                with multiprocessing.get_context("fork").Pool(1) as pool:
                    pool.apply(work, (1,))
                    yield pool

            @pytest.mark.memguard(leaks=True, children=True)
            def test_leak(pool): assert pool.apply(work, (1,)) == 1

            @pytest.mark.memguard(children=True, max_retained="64 KiB")
            def test_keeps(pool):
                for number in range(100): assert pool.apply(work, (number,)) == number

            @pytest.mark.memguard
            def test_uncounted(pool): assert pool.apply(work, (1,)) == 1

            @pytest.mark.memguard(children=True)
            def test_idle(pool): pass
        """
    )
    run = project.spawn()
    assert run.counted() == {"passed": 4}
    assert run.outcomes() == {
        "test_idle": "no-baseline",
        "test_keeps": "not-measured",
        "test_leak": "not-measured",
        "test_uncounted": "no-baseline",
    }
    sentence = "child processes that ran before it work for it, and their memory cannot be counted"
    assert run.reason("test_leak") == run.reason("test_keeps") == sentence
    noted = {name for name, test in run.results().items() if test.get("measurement", {}).get("notes")}
    assert noted == {"test_uncounted"}
