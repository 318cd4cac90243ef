"""Every kind of test is measured as pytest runs it, and again where a verdict needs it."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject
from tests.meter_here import METER

ASYNCIO = ("pytest_asyncio.plugin",)
ANYIO = ("anyio.pytest_plugin",)
KIB = 2**10
MIB = 2**20

FUNCTIONS = """
    import os, pytest
    N = int(os.environ["N"])

    @pytest.mark.memguard
    def test_function(): held = bytearray(N)

    @pytest.mark.memguard
    @pytest.mark.parametrize("n", [1, 2])
    def test_case(n): held = bytearray(N * n)

    @pytest.mark.memguard
    class TestClass:
        def test_method(self): held = bytearray(N)
"""
ASYNC = """
    import asyncio, os, pytest
    N = int(os.environ["N"])
    pytestmark = [pytest.mark.memguard, pytest.mark.asyncio]

    @pytest.fixture
    async def half():
        await asyncio.sleep(0)
        return N // 2

    async def test_awaited(half):
        held = bytearray(N)
        await asyncio.sleep(0)

    async def test_in_a_task():
        async def body(): return bytearray(N)
        assert len(await asyncio.create_task(body())) == N
"""
ANYIO_BOTH = """
    import os, anyio, pytest
    N = int(os.environ["N"])
    pytestmark = [pytest.mark.memguard, pytest.mark.anyio]

    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(request): return request.param

    async def test_awaited():
        held = bytearray(N)
        await anyio.sleep(0)

    async def test_in_a_group():
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, lambda: len(bytearray(N)))
"""
UNITTEST = """
    import asyncio, os, unittest, pytest
    N = int(os.environ["N"])
    pytestmark = pytest.mark.memguard

    class TestCase(unittest.TestCase):
        def setUp(self): self.size = N
        def test_method(self): held = bytearray(self.size)
        def test_subtests(self):
            for n in range(3):
                with self.subTest(n=n):
                    bytearray(self.size)

    class TestAsync(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self): self.size = N
        async def test_coroutine(self):
            held = bytearray(self.size)
            await asyncio.sleep(0)
"""
DOCTEST = '''
    """
    >>> import os
    >>> held = bytearray(int(os.environ["N"]))
    >>> del held
    """
'''
KINDS = [
    pytest.param(FUNCTIONS, (), (), 4, id="functions"),
    pytest.param(ASYNC, ASYNCIO, (), 2, id="pytest-asyncio"),
    pytest.param(ANYIO_BOTH, ANYIO, (), 4, id="anyio"),
    pytest.param(UNITTEST, (), (), 3, id="unittest"),
    pytest.param(DOCTEST, (), ("--memguard-all", "--doctest-modules"), 1, id="doctest"),
]


@pytest.mark.parametrize(("text", "plugins", "options", "number"), KINDS)
def test_what_a_test_allocates_is_measured_confirmed_and_judged(
    project: GuardedProject, text: str, plugins: tuple[str, ...], options: tuple[str, ...], number: int
) -> None:
    project.write({"pytest.ini": "[pytest]\nfilterwarnings = error\n"}, test_it=text)
    if plugins == ASYNCIO:
        options += ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
    run = project.spawn if plugins == ANYIO else project.run  # trio is not the same in a process that used it
    project.let(N=MIB)
    assert run("--memguard-accept", *options, plugins=plugins).counted() == {"passed": number}
    same = run(*options, plugins=plugins)
    assert same.outcomes() == dict.fromkeys(same.outcomes(), "ok")
    assert len(same.outcomes()) == number
    assert all(same.measured(name) >= MIB for name in same.outcomes())
    project.let(N=2 * MIB)
    grown = run(*options, plugins=plugins)
    assert grown.counted() == {"failed": number}
    assert set(grown.outcomes().values()) == {"grew"}
    assert all(3 <= test["samples"] <= 6 for test in grown.file["tests"])  # more where tasks come by chance
    near = (
        16 * KIB if plugins == ANYIO else 4 * KIB
    )  # anyio starts a thread anew that was idle for ten seconds
    for test in grown.file["tests"]:
        growth = test["metrics"]["peak"]["measured"] - test["metrics"]["peak"]["baseline"]
        assert abs(growth - (2 * MIB if test["id"].endswith("[2]") else MIB)) < near
        assert test["sites"][0]["file"] in ("test_it.py", "<doctest test_it[1]>"), test["sites"]


def test_a_class_gets_a_new_instance_for_each_sample(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import unittest, pytest
            pytestmark = pytest.mark.memguard

            class TestPlain:
                used = False
                def test_once(self):
                    assert not self.used
                    self.used = True

            class TestCase(unittest.TestCase):
                used = False
                def test_once(self):
                    assert not self.used
                    self.used = True
        """
    )
    run = project.run()
    assert run.counted() == {"passed": 2}
    assert {test["samples"] for test in run.file["tests"]} <= {2, 2 if METER.names_peaks else 3}
    assert "notes" not in run.text


def test_fixtures_are_made_anew_for_each_sample_and_not_measured(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            MADE = []

            @pytest.fixture
            def rows():
                MADE.append("made")
                yield bytearray(3_000_000)
                MADE.append("gone")

            @pytest.fixture(scope="module")
            def shared():
                MADE.append("shared")

            @pytest.mark.memguard
            def test_rows(rows, shared): held = bytearray(1_000_000)

            def test_order():
                assert MADE == ["shared", *["made", "gone"] * EXECUTIONS]
        """.replace("EXECUTIONS", "2" if METER.names_peaks else "3")
    )
    run = project.run()
    assert run.counted() == {"passed": 2}
    assert 1_000_000 <= run.measured("test_rows") < 1_010_000


def test_fixtures_count_where_the_marker_says_so(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.fixture
            def rows():
                yield bytearray(3_000_000)

            @pytest.mark.memguard(fixtures=True)
            def test_rows(rows): held = bytearray(1_000_000)

            @pytest.mark.memguard(fixtures=True)
            def test_again(rows): held = bytearray(1_000_000)
        """
    )
    run = project.run()
    assert run.counted() == {"passed": 2}
    assert all(4_000_000 <= run.measured(name) < 4_050_000 for name in run.outcomes())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "if USED: raise ValueError('only once')\n    USED.append(1)",
            "its second run failed with ValueError: only once",
        ),
        ("if USED: pytest.skip('once')\n    USED.append(1)", "its second run failed with Skipped: once"),
        ("if USED: pytest.fail('again')\n    USED.append(1)", "its second run failed with Failed: again"),
    ],
)
def test_a_test_that_cannot_run_twice_is_judged_on_what_there_is(
    project: GuardedProject, body: str, reason: str
) -> None:
    project.write(
        test_it="import pytest\nUSED = []\n\n@pytest.mark.memguard(max_peak=1)\n"
        f"def test_once():\n    {body}\n    held = bytearray(1000)\n"
    )
    run = project.run()
    assert run.counted() == {"failed": 1}
    assert run.outcomes() == {"test_once": "over-limit"}
    assert run.results()["test_once"]["samples"] == 1
    assert f"note: confirmed by only 1 sample: {reason}" in " ".join(run.text.split())


def test_a_set_up_or_tear_down_that_works_once_is_said(project: GuardedProject) -> None:
    project.write(
        {
            "conftest.py": """
                def pytest_runtest_makereport(item, call):
                    if call.when == "call": item.took = call.duration
            """
        },
        test_it="""
            import pytest
            USED = []

            @pytest.fixture
            def clock(request):
                yield
                print("took", request.node.took)

            @pytest.mark.memguard
            def test_clocked(clock): pass

            @pytest.fixture
            def once():
                if USED: raise ValueError("set up twice")
                USED.append(1)

            @pytest.mark.memguard
            def test_once(once): pass

            @pytest.fixture
            def broken():
                yield
                raise ValueError("tear-down")

            @pytest.mark.memguard
            def test_broken(broken): pass
        """,
    )
    run = project.run()
    assert run.counted() == {"passed": 3, "errors": 1}
    assert run.outcomes() == dict.fromkeys(("test_once", "test_broken", "test_clocked"), "no-baseline")
    text = (project.root / ".memguard/results/last.json").read_text()
    assert "its second set-up failed with ValueError: set up twice" in text
    assert "its tear-down failed with ValueError: tear-down" in text
    assert "ERROR test_it.py::test_broken - ValueError: tear-down" in run.text


def test_a_test_that_returns_its_data_or_leaves_threads_is_measured(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import threading, pytest

            @pytest.mark.memguard
            def test_threads():
                held = []
                threads = [threading.Thread(target=lambda: held.append(bytearray(500_000))) for _ in range(4)]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
        """
    )
    run = project.run()
    assert 2_000_000 <= run.measured("test_threads") < 2_100_000
