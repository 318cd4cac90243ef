"""Plugins that choose, order, repeat, spread or limit tests."""

from __future__ import annotations

from tests.ecosystem.neighbour import Neighbour

FILES = {
    "test_one.py": """
        import pytest
        from work import work

        @pytest.mark.parametrize("case", [1, 2])
        def test_case(case):
            assert work()

        class TestMore:
            def test_method(self, tmp_path):
                assert work()
    """
}

NEIGHBOURS = (
    Neighbour(
        name="pytest-xdist",
        requirements=("pytest-xdist",),
        options=("-n2",),
        files=FILES,
        is_core=True,
    ),
    Neighbour(
        name="pytest-xdist, loadgroup",
        requirements=("pytest-xdist",),
        options=("-n2", "--dist=loadgroup"),
        files=FILES,
    ),
    Neighbour(
        name="pytest-randomly",
        requirements=("pytest-randomly",),
        files=FILES,
        is_core=True,
    ),
    Neighbour(
        name="pytest-rerunfailures",
        requirements=("pytest-rerunfailures",),
        options=("--reruns=1",),
        files=FILES,
        is_core=True,
    ),
    Neighbour(
        name="pytest-retry",
        requirements=("pytest-retry",),
        options=("--retries=1",),
        files=FILES,
    ),
    Neighbour(
        name="flaky",
        requirements=("flaky",),
        test="""
            import pytest
            from flaky import flaky
            from work import work

            @flaky
            def test_decorated():
                assert work()

            @pytest.mark.flaky
            def test_marked():
                assert work()

            def test_other():
                assert work()
        """,
        is_core=True,
    ),
    Neighbour(
        name="pytest-repeat",
        requirements=("pytest-repeat",),
        options=("--count=2",),
        files=FILES,
    ),
    Neighbour(
        name="pytest-timeout",
        requirements=("pytest-timeout",),
        options=("--timeout=60",),
        files=FILES,
        is_core=True,
    ),
    Neighbour(
        name="pytest-order",
        requirements=("pytest-order",),
        files=FILES,
    ),
    Neighbour(
        name="pytest-split",
        requirements=("pytest-split",),
        options=("--splits=2", "--group=1"),
        files=FILES,
    ),
    Neighbour(
        name="pytest-forked, on pytest 8",
        requirements=("pytest-forked", "pytest<9"),
        is_alone=True,
        options=("--forked",),
        files=FILES,
    ),
    Neighbour(
        name="pytest-flakefinder",
        requirements=("pytest-flakefinder",),
        options=("--flake-finder", "--flake-runs=2"),
        files=FILES,
    ),
    Neighbour(
        name="pytest-picked, pytest-clarity, pytest-shard",
        requirements=("pytest-picked", "pytest-clarity", "pytest-shard"),
        options=("--num-shards=1", "--shard-id=0"),
        files=FILES,
    ),
    Neighbour(
        name="pytest-testmon",
        requirements=("pytest-testmon",),
        is_alone=True,
        options=("--testmon-noselect",),
        files=FILES,
    ),
)
