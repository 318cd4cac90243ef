"""Nothing of a repetition reaches what other plugins record: each runs with and without memguard."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.guarded_project import GuardedProject

HEAD = """
        import logging, threading, pytest
        pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1)
"""


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let plugins write their files where pytest-xdist runs these tests: no project is a worker of it."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_live_logs_and_log_files_have_one_run(project: GuardedProject) -> None:
    project.write(test_it=HEAD + '        def test_it(): logging.getLogger("shop").warning("logged")\n')
    run = project.spawn("--log-file=log.txt", "-o", "log_cli=true")
    assert run.text.count("logged") == 1
    assert (project.root / "log.txt").read_text().count("logged") == 1


def test_properties_of_the_suite_are_written_once(project: GuardedProject) -> None:
    project.write(
        test_it=HEAD + '        def test_it(record_testsuite_property): record_testsuite_property("k", "v")\n'
    )
    assert project.run("--junitxml=junit.xml").outcomes() == {"test_it": "no-baseline"}
    assert len(project.junit().findall("./properties/property[@name='k']")) == 1


@pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="pytest has them from 9.0 on")
def test_failed_subtests_are_counted_once(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.mark.memguard(leaks=True, leak_budget=0.1)
            def test_it(subtests):
                with subtests.test(): assert False
        """
    )
    assert "contains 1 failed subtest\n" in project.run().text


def test_allure_gets_the_files_of_one_run(project: GuardedProject) -> None:
    project.write(
        test_it=HEAD
        + """
        import allure

        @pytest.fixture
        def shop():
            seen = []
            yield seen

        def test_it(shop):
            with allure.step("look"):
                allure.attach("text", "name")
            shop.append(bytes(100))
        """
    )
    kinds = []
    for guard in (False, True):
        folder = f"allure-{guard}"
        run = project.spawn(f"--alluredir={folder}", plugins=("allure_pytest.plugin",), guard=guard)
        assert run.counted() == {"passed": 1}
        kinds.append(Counter(re.sub(r"^[0-9a-f-]+-", "", name) for name in texts(project.root / folder)))
        (result,) = (project.root / folder).glob("*-result.json")
        assert len(json.loads(result.read_text())["steps"]) == 1
    assert kinds[0] == kinds[1]
    assert run.outcomes() == {"test_it": "no-baseline"}


def test_snapshots_are_those_of_one_run(project: GuardedProject) -> None:
    project.write(
        test_it=HEAD
        + """
        def test_it(snapshot):
            assert [1, 2] == snapshot
            assert {"a": 1} == snapshot
        """
    )
    project.spawn("--snapshot-update", plugins=("syrupy",), guard=False)
    written = texts(project.root / "__snapshots__")
    assert list(written) == ["test_it.ambr"]
    (project.root / "__snapshots__/test_it.ambr").unlink()
    for options in (("--snapshot-update",), ()):
        run = project.spawn(*options, plugins=("syrupy",))
        assert run.outcomes() == {"test_it": "no-baseline"}
        assert texts(project.root / "__snapshots__") == written


def test_benchmarks_are_listed_once(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.mark.memguard
            def test_it(benchmark): benchmark.pedantic(len, ("x",), rounds=1)
        """
    )
    run = project.spawn("--benchmark-json=b.json", plugins=("pytest_benchmark.plugin",))
    assert run.results()["test_it"]["samples"] > 1
    assert len(json.loads((project.root / "b.json").read_text())["benchmarks"]) == 1


def test_coverage_sees_one_run_and_keeps_nothing_for_the_threads_of_the_rest(project: GuardedProject) -> None:
    project.write(
        {
            "shop.py": """
                CACHE = {}

                def price(key):
                    if key in CACHE:
                        return CACHE[key]
                    CACHE[key] = 1
                    return 1
            """
        },
        test_it=HEAD
        + """
        from concurrent.futures import ThreadPoolExecutor
        from shop import price

        def test_thread():
            thread = threading.Thread(target=price, args=("x",))
            thread.start()
            thread.join()

        def test_pool():
            with ThreadPoolExecutor(2) as pool: list(pool.map(str, range(4)))

        def test_after():
            assert price("x") == 1

        KEPT = []
        def test_leak():
            thread = threading.Thread(target=lambda: KEPT.append(bytes(2000)))
            thread.start()
            thread.join()
        """,
    )
    options = ("--cov=shop", "--cov-report=json")
    missing = []
    for guard in (False, True):
        run = project.spawn(*options, "-k", "thread", plugins=("pytest_cov.plugin",), guard=guard)
        missing.append(
            json.loads((project.root / "coverage.json").read_text())["files"]["shop.py"]["missing_lines"]
        )
    assert missing[0] == missing[1] != []
    run = project.spawn(*options, plugins=("pytest_cov.plugin",))
    assert run.outcomes() == {
        "test_after": "no-baseline",
        "test_leak": "leaked",
        "test_pool": "no-baseline",
        "test_thread": "no-baseline",
    }
    report = json.loads((project.root / "coverage.json").read_text())["files"]["shop.py"]
    assert report["missing_lines"] == []


def test_scenarios_of_pytest_bdd_pile_up_no_fixtures(project: GuardedProject) -> None:
    project.write(
        {
            "shop.feature": """
                Feature: Shop
                  Scenario: Clean
                    Given a cart
                    When I add 2
                  Scenario: Leaking
                    Given a cart
                    When I leak
            """
        },
        test_it="""
            from pytest_bdd import given, parsers, scenarios, when
            scenarios("shop.feature")
            KEPT = []

            @given("a cart", target_fixture="cart")
            def cart(): return []

            @when(parsers.parse("I add {number:d}"))
            def add(cart, number): cart.append(number)

            @when("I leak")
            def leak(cart): KEPT.append(bytes(2000))
        """,
    )
    run = project.spawn("--memguard-all", "--memguard-leaks", plugins=("pytest_bdd.plugin",))
    assert run.outcomes() == {"test_clean": "no-baseline", "test_leaking": "leaked"}


def test_declared_kinds_of_mocks_cost_no_walk_of_all_objects(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import gc, pytest, respx, unittest.mock
            ASIDE = []

            @pytest.mark.memguard
            def test_it(): ASIDE.append(gc.get_freeze_count())

            def test_what_was_seen():
                assert len(ASIDE) > 1, "a new entry takes two samples"
                assert min(ASIDE) > 10_000, "collections between the samples looked at old objects too"
        """
    )
    assert project.run("--memguard-accept", plugins=("pytest_mock",)).counted() == {"passed": 2}
