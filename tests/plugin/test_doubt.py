"""A peak is exact or the test is not measured, whatever a plugin held and however long it took."""

from __future__ import annotations

import itertools
import time

import pytest

from pytest_memguard.gate import confirm
from tests.guarded_project import GuardedProject

HYPOTHESIS = ("_hypothesis_pytestplugin",)


@pytest.fixture
def slow(project: GuardedProject, monkeypatch: pytest.MonkeyPatch) -> GuardedProject:
    """Return a project whose plugin needs 3 MB before each call, on a machine whose clock races."""
    project.write(
        {"pyproject.toml": '[tool.memguard]\nexclude = ["conftest"]\n'},
        conftest="""
            import pytest

            @pytest.hookimpl(wrapper=True, tryfirst=True)
            def pytest_pyfunc_call(pyfuncitem):
                bytearray(3_000_000)
                return (yield)
        """,
        test_it="""
            import os, pytest

            @pytest.mark.memguard
            def test_it(): len(bytearray(int(os.environ["SIZE"])))
        """,
    )
    project.let(SIZE=400_000)
    monkeypatch.setattr(time, "perf_counter", map(float, itertools.count(0, 100)).__next__)
    return project


def test_growth_behind_a_plugin_is_found_however_long_the_test_takes(slow: GuardedProject) -> None:
    slow.accept()
    assert "spread" not in slow.entries()
    run = slow.run()
    assert run.outcomes() == {"test_it": "ok"}
    assert 400_000 < run.measured("test_it") < 400_200
    for size in (800_000, 2_900_000, 6_000_000):
        slow.let(SIZE=size)
        assert slow.run().outcomes() == {"test_it": "grew"}


def test_a_peak_that_cannot_be_known_is_not_measured(
    slow: GuardedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow.accept()
    before = slow.entries()
    monkeypatch.setattr(confirm, "MOST_RECORDS", 1)
    for size in (200_000, 400_000, 2_900_000):
        slow.let(SIZE=size)
        run = slow.accept()
        assert run.outcomes() == {"test_it": "not-measured"}
        assert run.reason("test_it").startswith(
            "the peak is not certain: it is between 0 B and 2.9 MiB, since "
        )
    slow.let(SIZE=6_000_000)
    assert slow.run().outcomes() == {"test_it": "grew"}
    assert slow.entries() == before


def test_exact_peaks_decide_where_a_lower_one_is_in_doubt(project: GuardedProject) -> None:
    project.write(
        {"pyproject.toml": '[tool.memguard]\nexclude = ["conftest"]\n'},
        conftest="""
            import pytest

            @pytest.hookimpl(wrapper=True, tryfirst=True)
            def pytest_pyfunc_call(pyfuncitem):
                held = bytearray(300_000)
                return (yield)
        """,
        test_it="""
            import os, pytest
            CALLS = []

            @pytest.mark.memguard
            def test_it():
                CALLS.append(None)
                len(bytearray(int(os.environ["SIZE"]) // (2 if len(CALLS) == 1 else 1)))
        """,
    )
    project.let(SIZE=800_000)
    assert project.accept().outcomes() == {"test_it": "no-baseline"}
    assert project.run().outcomes() == {"test_it": "ok"}
    project.let(SIZE=900_000)
    assert project.run().outcomes() == {"test_it": "grew"}
    project.let(SIZE=400_000)
    assert project.run().outcomes() == {"test_it": "improved"}


def test_growth_of_a_property_test_is_no_spread(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import os
            import pytest
            from hypothesis import given, settings, strategies as st

            TREES = st.recursive(st.integers(), st.lists)  # of text there is a table, made once in 10 s

            def build(tree):
                if isinstance(tree, list): return [build(value) for value in tree] * 30
                return str(tree) * int(os.environ["TIMES"])

            @pytest.mark.memguard
            @settings(derandomize=True, database=None, deadline=None, max_examples=10)
            @given(TREES)
            def test_trees(tree): build(tree)
        """
    )
    project.let(TIMES=100)
    project.spawn("--memguard-accept", plugins=HYPOTHESIS)
    accepted = project.entries()
    assert "peak" not in accepted.partition("spread:")[2].partition("sites:")[0]
    project.let(TIMES=4000)
    assert project.spawn(plugins=HYPOTHESIS).outcomes() == {"test_trees": "grew"}


def test_a_test_that_cannot_run_twice_is_measured_alone_in_a_cold_process(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            USED = []

            @pytest.mark.memguard
            def test_other(): held = bytearray(50_000)

            @pytest.mark.memguard
            def test_once():
                if USED: raise ValueError("twice")
                USED.append(1)
                held = bytearray(1000)

            def test_region(memguard):
                if not USED:
                    with memguard.measure("part"):
                        USED.append(bytes(100_000))
        """
    )
    assert project.spawn("--memguard-accept", "test_it.py::test_other", "test_it.py::test_once").code == 0
    assert project.spawn("--memguard-accept", "test_it.py::test_region").code == 0
    assert project.spawn("test_it.py::test_once").outcomes() == {"test_once": "ok"}
    assert project.spawn("test_it.py::test_region").outcomes() == {"test_region::part": "ok"}
