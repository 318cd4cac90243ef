"""Plugins that watch, measure or report what tests do."""

from __future__ import annotations

from tests.ecosystem.neighbour import Neighbour
from tests.ecosystem.neighbours.runners import FILES

NEIGHBOURS = (
    Neighbour(
        name="pytest-cov",
        requirements=("pytest-cov",),
        options=("--cov=.", "--cov-branch", "--cov-report="),
        files=FILES,
        is_core=True,
    ),
    Neighbour(
        name="pytest-benchmark",
        requirements=("pytest-benchmark",),
        test="""
            from work import work

            def test_speed(benchmark):
                assert benchmark.pedantic(work, rounds=3)
        """,
        is_core=True,
    ),
    Neighbour(
        name="pytest-memray, its markers",
        requirements=("pytest-memray",),
        is_alone=True,
        test="""
            import pytest
            from work import work

            @pytest.mark.limit_memory("100 MB")
            def test_limited():
                assert work()
        """,
        is_core=True,
    ),
    Neighbour(
        name="pytest-monitor, on pytest 8",
        requirements=("pytest-monitor", "pytest<9"),
        is_alone=True,
        files=FILES,
    ),
    Neighbour(
        name="allure-pytest",
        requirements=("allure-pytest",),
        options=("--alluredir=allure", "--clean-alluredir"),
        test="""
            import allure
            from work import work

            def test_steps():
                with allure.step("work"):
                    assert work()
        """,
        is_core=True,
    ),
    Neighbour(
        name="pytest-codspeed",
        requirements=("pytest-codspeed",),
        is_alone=True,
        test="""
            from work import work

            def test_speed(benchmark):
                assert benchmark(work)
        """,
    ),
    Neighbour(
        name="typeguard",
        requirements=("typeguard",),
        options=("--typeguard-packages=work",),
        files=FILES,
    ),
    Neighbour(
        name="pytest-sugar, pytest-instafail",
        requirements=("pytest-sugar", "pytest-instafail"),
        options=("--instafail",),
        files=FILES,
    ),
    Neighbour(
        name="pytest-html, pytest-json-report",
        requirements=("pytest-html", "pytest-metadata", "pytest-json-report"),
        options=("--html=report.html", "--json-report"),
        files=FILES,
    ),
    Neighbour(
        name="record_property, addfinalizer, log_cli",
        requirements=(),
        ini="log_cli = true",
        test="""
            import logging
            from work import work

            def test_property(record_property):
                record_property("name", "value")
                assert work()

            def test_finalizer(request):
                request.addfinalizer(lambda: None)
                assert work()

            def test_logging(caplog):
                logging.getLogger("shop").warning("text")
                assert work()
        """,
        is_core=True,
    ),
    Neighbour(
        name="pytest-reportlog, pytest-icdiff, pytest-random-order",
        requirements=("pytest-reportlog", "pytest-icdiff", "pytest-random-order"),
        options=("--report-log=log.jsonl", "--random-order"),
        test="""
            import pytest
            from work import work

            @pytest.mark.parametrize("number", [1, 2])
            def test_number(number):
                assert {"number": number} == {"number": number}
                assert work()

            def test_file(tmp_path):
                (tmp_path / "tea").write_text("green")
                assert work()
        """,
    ),
)
