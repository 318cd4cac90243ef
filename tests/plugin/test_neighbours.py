"""Other plugins installed and in use: the same numbers, and the same work for them."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject, Run

XDIST = ("xdist.plugin",)
MODULE = """
    import os, pytest
    pytestmark = pytest.mark.memguard

    def build(size):
        rows = []
        for n in range(size):
            rows.append((n, str(n)))
        return rows

    def test_rows(): rows = build(5000)
    def test_bytes(): held = bytearray(1_000_000)
"""


def figures(run: Run) -> dict[str, tuple[int, int]]:
    return {name: (run.measured(name), run.measured(name, "retained")) for name in run.outcomes()}


def differing(some: dict[str, tuple[int, int]], others: dict[str, tuple[int, int]]) -> list[str]:
    """Return the tests whose figures differ by more than a coverage tool's own bookkeeping."""
    return [
        name
        for name, pair in some.items()
        if any(abs(one - other) >= 2048 for one, other in zip(pair, others[name], strict=True))
    ]


@pytest.mark.parametrize("branches", [[], ["--cov-branch"]], ids=str)
def test_coverage_changes_no_number_and_loses_no_line(project: GuardedProject, branches: list[str]) -> None:
    project.write(test_it=MODULE)
    plain = figures(project.spawn())
    run = project.spawn("--cov=.", "--cov-report=term-missing", *branches, plugins=("pytest_cov.plugin",))
    assert run.code == 0
    assert differing(figures(run), plain) == []
    (covered,) = [line for line in run.lines if line.startswith("test_it.py ") and "[" not in line]
    assert "100%" in covered


def test_coverage_sees_the_lines_of_threads_that_take_turns(project: GuardedProject) -> None:
    project.write(
        {".coveragerc": "[run]\nbranch = true\nomit = test_*.py\n"},
        shop="""
            import threading
            LOCK, CACHE = threading.Lock(), {}

            def get(key):
                with LOCK:
                    if key not in CACHE:
                        CACHE[key] = [number for number in range(1000)]
                    return CACHE[key]
        """,
        test_it="""
            import pytest, shop

            @pytest.mark.memguard(threads=4)
            def test_get():
                assert len(shop.get("a")) == 1000
        """,
    )
    run = project.spawn("--cov=.", "--cov-report=term-missing", plugins=("pytest_cov.plugin",))
    assert run.outcomes() == {"test_get": "no-baseline"}
    (covered,) = [line for line in run.lines if line.startswith("shop.py ")]
    assert covered.split()[-1] == "100%"


def test_coverage_in_workers_changes_no_number_and_loses_no_line(project: GuardedProject) -> None:
    lines = [f"    if n == {number}: return {number}" for number in range(6)]
    project.write(
        {".coveragerc": "[run]\nbranch = true\nomit = test_*.py\n"},
        test_it=MODULE,
        shop="\n".join(["def branch(n):", *lines]),
        test_more="""
            import pytest, shop

            @pytest.mark.memguard
            @pytest.mark.parametrize("n", range(7))
            def test_branch(n):
                held = bytearray(10_000 * n)
                assert shop.branch(n) == (None if n == 6 else n)
        """,
    )
    assert project.accept().code == 0
    plain = project.spawn()
    run = project.spawn("-n2", "--cov=.", "--cov-report=term-missing", plugins=("pytest_cov.plugin", *XDIST))
    assert run.code == plain.code == 0
    assert run.outcomes() == plain.outcomes()
    assert set(run.outcomes().values()) == {"ok"}
    assert differing(figures(run), figures(plain)) == []
    (covered,) = [line for line in run.lines if line.startswith("shop.py ")]
    assert covered.split()[-1] == "100%"


def test_a_rerun_test_is_judged_by_the_run_that_passed(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import os, pytest
            RUNS = []

            @pytest.mark.memguard
            def test_flaky():
                RUNS.append(1)
                held = bytearray(int(os.environ["SIZE"]))
                if len(RUNS) < 2: raise AssertionError("flaky")

            @pytest.mark.memguard
            def test_steady(): held = bytearray(int(os.environ["SIZE"]))
        """
    )
    rerun = ("pytest_rerunfailures",)
    project.let(SIZE=100_000)
    run = project.run("--reruns=3", "--memguard-accept", plugins=rerun)
    assert run.counted() == {"passed": 2, "rerun": 1}
    assert run.outcomes() == {"test_flaky": "no-baseline", "test_steady": "no-baseline"}
    project.let(SIZE=200_000)
    grown = project.run("--reruns=1", plugins=rerun)
    assert grown.counted() == {"failed": 2, "rerun": 2}
    assert grown.outcomes() == {"test_flaky": "grew", "test_steady": "grew"}


def test_hypothesis_draws_the_same_examples_in_every_sample(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            from hypothesis import given, settings, strategies as st
            RUNS = []

            @pytest.fixture(autouse=True)
            def one_run():
                RUNS.append([])
                yield

            @pytest.mark.memguard
            @settings(max_examples=20, deadline=1)
            @given(st.lists(st.integers(), max_size=30))
            def test_property(rows):
                RUNS[-1].append(rows)
                held = [bytearray(1000) for _ in rows]

            def test_same():
                first, second = RUNS[:2]
                assert len(first) >= 20
                assert first == second
        """
    )
    plugins = ("_hypothesis_pytestplugin",)
    run = project.spawn(plugins=plugins)
    assert run.counted() == {"passed": 2}
    assert project.spawn(plugins=plugins).measured("test_property") == run.measured("test_property")


def test_a_falsified_property_fails_as_ever(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            from hypothesis import given, strategies as st

            @pytest.mark.memguard
            @given(st.integers())
            def test_property(n): assert n < 100
        """
    )
    run = project.run(plugins=("_hypothesis_pytestplugin",))
    assert run.counted() == {"failed": 1}
    assert "test_property(" in run.text
    assert "n=100," in run.text


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (
            "import memray, tempfile; memray.Tracker(tempfile.mktemp(dir='.')).__enter__()",
            "only one tracker can be active",
        ),
        ("import cProfile; cProfile.Profile().enable()", ""),
    ],
    ids=["tracker", "profiler"],
)
def test_what_is_in_the_meters_way_is_a_reason_and_breaks_no_test(
    project: GuardedProject, start: str, reason: str
) -> None:
    project.write({"conftest.py": f"def pytest_sessionstart():\n    {start}\n"}, test_it=MODULE)
    run = project.spawn()
    assert run.counted() == {"passed": 2}
    if not reason and set(run.outcomes().values()) == {"no-baseline"}:
        return  # from 3.12 on a profiler is no longer in memray's way
    assert set(run.outcomes().values()) == {"not-measured"}
    assert (reason or "a profiler is active") in run.reason("test_rows")
    assert "this run proves nothing about memory" in " ".join(run.summary.split())
    project.let(CI=1)
    assert project.spawn().code == 1


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_time_limit_is_for_one_run_of_the_test(project: GuardedProject, method: str) -> None:
    project.write(
        test_it="""
            import signal, threading, time, pytest
            RUNS = {"repeated": [0, 0], "confirmed": [0, 0]}

            def count(name):
                timers = [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
                is_set = signal.getitimer(signal.ITIMER_REAL)[0] > 0
                RUNS[name][is_set or any(not timer.finished.is_set() for timer in timers)] += 1

            @pytest.mark.memguard(leaks=True, leak_budget=2)
            @pytest.mark.timeout(300)
            def test_repeated():
                count("repeated")

            @pytest.mark.memguard
            @pytest.mark.timeout(300)
            def test_confirmed():
                count("confirmed")

            def test_runs_with_a_limit():
                assert RUNS["repeated"][True] == 1 and RUNS["repeated"][False] > 100
                assert RUNS["confirmed"] == [1, 1]

            @pytest.mark.memguard
            @pytest.mark.timeout(0.3)
            def test_late():
                time.sleep(60)
        """
    )
    run = project.spawn(f"--timeout-method={method}", "-k", "not late", plugins=("pytest_timeout",))
    assert run.counted() == {"passed": 3, "deselected": 1}
    assert run.outcomes() == {"test_confirmed": "no-baseline", "test_repeated": "no-baseline"}
    assert run.results()["test_confirmed"]["samples"] == 2
    late = project.spawn(f"--timeout-method={method}", "-k", "late", plugins=("pytest_timeout",))
    assert late.code != 0
    assert "Timeout" in late.text + late.errors


STATES = """
    import os, pytest
    from hypothesis import assume, event, given, settings, strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, rule
    GROWN = bool(os.environ.get("GROWN"))
    KEPT = []

    class Shop(RuleBasedStateMachine):
        @rule(n=st.integers(0, 9))
        def buy(self, n):
            held = bytearray(100_000 + 100_000 * GROWN)
            if GROWN: KEPT.append(bytearray(10))

    Shop.TestCase.settings = settings(max_examples=5, stateful_step_count=3)

    @pytest.mark.memguard(leaks=True, leak_budget="100 ms")
    class TestShop(Shop.TestCase): pass

    @pytest.mark.memguard(leaks=True, leak_budget="100 ms")
    @settings(max_examples=10)
    @given(st.lists(st.integers()), st.data())
    def test_order(rows, data):
        assume(rows)
        event("rows")
        rows.append(data.draw(st.integers()))
        for row in rows:
            if GROWN: KEPT.append(bytearray(500))
"""


def test_what_hypothesis_draws_is_measured_and_checked_for_leaks_with_all_examples(
    project: GuardedProject,
) -> None:
    plugins = ("_hypothesis_pytestplugin",)
    project.write(test_it=STATES)
    accepted = project.spawn("--memguard-accept", plugins=plugins)
    assert accepted.counted() == {"passed": 2}, accepted.text
    assert accepted.outcomes() == {"TestShop::runTest": "no-baseline", "test_order": "no-baseline"}
    assert 100_000 <= accepted.measured("TestShop::runTest") < 200_000
    project.let(GROWN=1)
    leaked = dict.fromkeys(("TestShop::runTest", "test_order"), "leaked")
    assert project.spawn(plugins=plugins).outcomes() == leaked


def test_a_property_test_draws_the_same_whatever_modules_are_loaded(project: GuardedProject) -> None:
    constants = ", ".join(str(10_000 + 7 * number) for number in range(200))
    project.write(
        shop=f"PRICES = [{constants}]\n",
        test_it="""
            import os, pytest
            from hypothesis import given, settings, strategies as st
            if os.environ.get("SHOP"): import shop
            KEPT = []

            @pytest.mark.memguard
            @settings(max_examples=50)
            @given(st.lists(st.integers(0, 100_000), max_size=20))
            def test_sum(rows): KEPT.append(bytearray(sum(rows)))
        """,
    )
    plugins = ("_hypothesis_pytestplugin",)
    alone = project.spawn(plugins=plugins).measured("test_sum", "retained")
    project.let(SHOP=1)
    assert project.spawn(plugins=plugins).measured("test_sum", "retained") == alone
