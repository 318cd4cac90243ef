"""The leak check through pytest: what is repeated, how it is judged against the accepted, what it says."""

from __future__ import annotations

import re
import sys

import pytest

from tests.guarded_project import GuardedProject
from tests.meter_here import METER

LEAKING = {
    "shop.py": """
        import os
        _OPEN = []

        def open_session():
            _OPEN.append(bytearray(int(os.environ["RATE"])))
    """,
}
TEST = """
    import pytest
    from shop import open_session

    @pytest.mark.memguard(leaks=True, leak_budget=0.2)
    def test_session():
        open_session()
"""
KINDS = {
    "function": (
        (),
        """
        @pytest.mark.memguard
        @pytest.mark.parametrize("cache", ["module"])
        def test_it(cache): KEPT.append(bytes(500))
        """,
    ),
    "session fixture": (
        (),
        """
        @pytest.fixture(scope="session")
        def cache(): return []

        @pytest.mark.memguard
        def test_it(cache): cache.append(bytes(500))
        """,
    ),
    "TestCase": (
        (),
        """
        @pytest.mark.memguard
        class TestIt(unittest.TestCase):
            def setUp(self): self.kept = KEPT
            def test_it(self): self.kept.append(bytes(500))
        """,
    ),
    "IsolatedAsyncioTestCase": (
        (),
        """
        @pytest.mark.memguard
        class TestIt(unittest.IsolatedAsyncioTestCase):
            async def test_it(self): KEPT.append(bytes(500))
        """,
    ),
    "pytest-asyncio": (
        ("pytest_asyncio.plugin",),
        """
        @pytest.mark.memguard
        @pytest.mark.asyncio
        async def test_it():
            await asyncio.sleep(0)
            KEPT.append(bytes(500))
        """,
    ),
    "anyio on trio": (
        ("anyio.pytest_plugin",),
        """
        @pytest.fixture
        def anyio_backend(): return "trio"

        @pytest.mark.memguard
        @pytest.mark.anyio
        async def test_it(): KEPT.append(bytes(500))
        """,
    ),
    "hypothesis": (
        (),
        """
        from hypothesis import given, settings, strategies

        @pytest.mark.memguard
        @settings(max_examples=1)
        @given(strategies.integers())
        def test_it(number): KEPT.append(bytes(500))
        """,
    ),
}


@pytest.fixture
def leaking(project: GuardedProject) -> GuardedProject:
    project.let(RATE=1000)
    project.write(LEAKING, test_it=TEST)
    return project


def test_a_leak_fails_without_a_baseline_and_says_who_holds_it(leaking: GuardedProject) -> None:
    run = leaking.run()
    assert run.code == 1
    assert run.outcomes() == {"test_session": "leaked"}
    rate = run.results()["test_session"]["leak"]["bytes_per_call"]
    size = sys.getsizeof(bytearray(1000))  # 40 bytes more from CPython 3.15 on, beside a place in a list
    assert size + 3 <= rate <= size + 43
    text = "\n".join(run.lines)
    assert "memguard: leaked: 1.1 KiB a call, steady over " in text
    assert "shop.py:6 in open_session" in text
    assert "held by shop._OPEN (list, " in text


def test_one_leak_of_two_tests_is_told_as_one_with_what_grew_and_lines_that_add_up(
    project: GuardedProject,
) -> None:
    project.write(
        {
            "shop.py": """
                import json
                PAGES = []

                class Page:
                    __slots__ = ("rows",)

                def render(): return json.loads('[[1], [2], [3], [4]]')

                def show():
                    page = Page()
                    page.rows = render()
                    PAGES.append(page)
            """
        },
        test_it="""
            import pytest, shop
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1)
            def test_one(): shop.show()
            def test_two(): shop.show()
        """,
    )
    run = project.run()
    leaks = [result["leak"] for result in run.results().values()]
    assert leaks[0]["fingerprint"] == leaks[1]["fingerprint"]
    for leak in leaks:
        kinds = {kind["type"]: kind["per_call"] for kind in leak["kinds"]}
        assert kinds == pytest.approx({"list": 5, "shop.Page": 1}, abs=0.05)
        shown = sum(site["retained"] for site in leak["sites"] if not site.get("is_inner"))
        assert shown <= leak["bytes_per_call"]
    assert "1 leak in 2 tests, held by shop.PAGES" in run.lines
    assert any("objects a call: +1.00 shop.Page, +5.00 list" in line for line in run.lines)


def test_an_accepted_leak_passes_unexplained_and_fails_when_its_rate_grows(leaking: GuardedProject) -> None:
    assert leaking.accept().code == 0
    assert re.search(r"^    leak_per_call: 1_[01]\d\d$", leaking.entries(), re.MULTILINE)
    run = leaking.run()
    assert run.outcomes() == {"test_session": "ok"}
    leak = run.results()["test_session"]["leak"]
    assert leak["leaking"]
    assert leak["held_by"] == []
    leaking.let(RATE=1300)
    run = leaking.run()
    assert run.outcomes() == {"test_session": "leaked"}
    assert ", accepted 1.1 KiB a call" in run.reason("test_session")
    assert run.results()["test_session"]["leak"]["held_by"][0].startswith("shop._OPEN (list, ")


def test_files_that_leak_are_accepted_with_their_rate_and_fail_when_more_do(project: GuardedProject) -> None:
    project.let(FILES=1)
    project.write(
        test_it="""
            import os, pytest

            @pytest.mark.memguard(leaks=True, leak_budget=0.2)
            def test_open():
                for _ in range(int(os.environ["FILES"])): os.open(os.devnull, os.O_RDONLY)
        """
    )
    project.accept()
    assert "    leaks_per_1000_calls: {files: 1_000}" in project.entries()
    assert project.run().outcomes() == {"test_open": "ok"}
    project.let(FILES=2)
    run = project.run()
    assert run.outcomes() == {"test_open": "leaked"}
    assert re.match(r"2 files a call, steady over \d+ calls, accepted 1 file a call", run.reason("test_open"))
    project.let(FILES=0)
    assert project.run().outcomes() == {"test_open": "improved"}


def test_a_leak_that_is_gone_is_an_improvement(leaking: GuardedProject) -> None:
    leaking.accept()
    leaking.write({"shop.py": "def open_session(): pass\n"})
    run = leaking.run()
    assert run.code == 0
    assert run.outcomes() == {"test_session": "improved"}


@pytest.mark.parametrize(("most", "outcome"), [("2 KiB", "ok"), ("500 B", "leaked")])
def test_a_limit_allows_a_leak_up_to_a_rate(leaking: GuardedProject, most: str, outcome: str) -> None:
    leaking.accept()
    entries = next((leaking.root / ".memguard/baseline").glob("*/*.yml"))
    entries.write_text(re.sub(r"leak_per_call: [\d_]+", "leak_per_call: 0", entries.read_text()))
    leaking.write({"pyproject.toml": f"[tool.memguard]\nmax_leak_per_call = '{most}'\n"})
    assert leaking.run().outcomes() == {"test_session": outcome}


def test_a_cache_that_settles_higher_grew_and_its_line_is_named(project: GuardedProject) -> None:
    project.let(SIZE=100)
    project.write(
        {
            "prices.py": """
                import os
                from collections import OrderedDict
                CACHE = OrderedDict()

                def price(key):
                    CACHE[key] = bytearray(int(os.environ["SIZE"]))
                    if len(CACHE) > 100:
                        CACHE.popitem(last=False)
            """
        },
        test_it="""
            import itertools, pytest
            from prices import price
            KEYS = itertools.count()

            @pytest.mark.memguard(leaks=True, leak_budget=0.2)
            def test_price(): price(next(KEYS))
        """,
    )
    project.accept()
    assert project.run().outcomes() == {"test_price": "ok"}
    project.let(SIZE=9000)
    run = project.run()
    assert run.outcomes() == {"test_price": "grew"}
    assert re.match(r"settled [89]\d\d\.\d KiB, was ", run.reason("test_price"))
    assert "prices.py:7 in price" in "\n".join(run.lines)


@pytest.mark.skipif(not METER.sees_heap, reason="only the trace of the C heap tells freed memory from kept")
def test_what_other_threads_have_freed_is_not_what_a_body_settles_at(project: GuardedProject) -> None:
    """glibc counts it as in use, up to 236 KiB for each thread."""
    project.write(
        test_it="""
            import ctypes, itertools, pytest, threading
            from concurrent.futures import ThreadPoolExecutor
            C = ctypes.PyDLL(None)
            C.malloc.argtypes, C.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
            C.free.argtypes, C.free.restype = [ctypes.c_void_p], None
            POOL, ALL, CALLS = ThreadPoolExecutor(3), threading.Barrier(3), itertools.count()

            def work(size):
                for block in [C.malloc(size) for _ in range(7)]: C.free(block)
                ALL.wait()

            @pytest.mark.memguard(leaks=True, leak_budget=0.05, max_settled="256 KiB")
            def test_pool(): list(POOL.map(work, [24 + 16 * (next(CALLS) % 64)] * 3))
        """
    )
    run = project.spawn()
    assert run.outcomes() == {"test_pool": "no-baseline"}, run.text
    assert run.measured("test_pool", "settled") < 16_384


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_test_is_repeated(project: GuardedProject, kind: str) -> None:
    plugins, text = KINDS[kind]
    head = "        import asyncio, unittest, pytest\n        KEPT = []\n"
    project.write(
        {"pyproject.toml": "[tool.memguard]\nleaks = true\nleak_budget = '200 ms'\n"}, test_it=head + text
    )
    run = project.spawn("-W", "ignore::pytest.PytestDeprecationWarning", plugins=plugins)
    (result,) = run.results().values()
    assert result["outcome"] == "leaked", result
    leak = result["leak"]
    assert 530 <= leak["bytes_per_call"] <= 600 + leak["doubt"]  # the framework's own tables grow meanwhile
    assert leak["doubt"] <= 60
    assert result["sites"][0]["file"] == "test_it.py"


def test_the_option_checks_every_guarded_test(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            KEPT = []

            @pytest.mark.memguard(leak_budget=0.1)
            def test_it(): KEPT.append(bytes(500))
        """
    )
    assert project.run().outcomes() == {"test_it": "no-baseline"}
    assert project.run("--memguard-leaks").outcomes() == {"test_it": "leaked"}


def test_a_body_that_uses_up_its_fixtures_is_repeated_with_new_ones(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            KEPT = []
            FOLDERS = set()
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.05)

            def test_of_nothing(): pass

            def test_clean(tmp_path):
                (tmp_path / "made").mkdir()
                FOLDERS.add(tmp_path)

            def test_leaking(tmp_path):
                (tmp_path / "made").mkdir()
                KEPT.append(bytes(2000))

            @pytest.fixture
            def numbers(): return iter(range(2))

            def test_two_samples(numbers, request):
                next(numbers)
                request.node.ran = getattr(request.node, "ran", 0) + 1
                assert request.node.ran < 4
                assert [(folder.name, folder.exists()) for folder in sorted(FOLDERS)] == [
                    ("test_clean0", True), ("test_clean1", True)  # of the first run, and of all further ones
                ]
        """
    )
    run = project.spawn()
    assert run.outcomes() == {
        "test_of_nothing": "no-baseline",
        "test_clean": "no-baseline",
        "test_leaking": "leaked",
        "test_two_samples": "not-measured",
    }
    assert "cannot be repeated with the same fixtures" in run.results()["test_leaking"]["leak"]["note"]
    assert run.reason("test_two_samples").startswith("its body cannot be repeated: call ")
    assert run.text.count("its body cannot be repeated") == 1
    nothing = run.measured("test_of_nothing", "settled")
    assert nothing < 8192, "what memguard keeps for its first leak check was counted"


def test_a_body_may_use_up_what_it_asks_for_by_no_argument(project: GuardedProject) -> None:
    """By `usefixtures`, by a marker as that of pytest-django, or by `setup_method`."""
    project.write(
        test_it="""
            import pytest
            KEPT, ROWS = [], []
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.05)

            @pytest.fixture
            def rows():
                yield
                ROWS.clear()

            @pytest.fixture(autouse=True)
            def marked(request):
                if request.node.get_closest_marker("needs_rows"):
                    request.getfixturevalue("rows")

            def add():
                ROWS.append(bytes(20))
                assert len(ROWS) == 1

            @pytest.mark.usefixtures("rows")
            def test_used(): add()

            @pytest.mark.needs_rows
            def test_marked(): add()

            @pytest.mark.needs_rows
            def test_leaking():
                add()
                KEPT.append(bytes(2000))

            class TestIt:
                def setup_method(self): ROWS.clear()
                def test_set_up(self): add()
        """
    )
    run = project.spawn()
    assert run.outcomes() == {
        "test_used": "no-baseline",
        "test_marked": "no-baseline",
        "test_leaking": "leaked",
        "TestIt::test_set_up": "no-baseline",
    }


def test_a_file_that_a_failed_repetition_left_open_breaks_no_test(project: GuardedProject) -> None:
    project.write(
        {"pyproject.toml": "[tool.pytest.ini_options]\nfilterwarnings = ['error']\n"},
        test_it="""
            import itertools, pytest
            RUNS = itertools.count()

            @pytest.mark.memguard(leaks=True)
            def test_repeated(tmp_path_factory):
                handle = open(__file__)
                (tmp_path_factory.getbasetemp() / "made").mkdir()
                handle.close()

            @pytest.mark.memguard(leaks=True, leak_budget=0.02)
            def test_made_anew(tmp_path):
                handle = open(__file__)
                (tmp_path / "made").mkdir()
                handle.close()

            @pytest.mark.memguard
            def test_confirmed():
                handle = open(__file__)
                assert next(RUNS) == 0
                handle.close()
        """,
    )
    run = project.spawn()
    assert run.counted() == {"passed": 3}
    assert run.outcomes() == {
        "test_repeated": "not-measured",
        "test_made_anew": "no-baseline",
        "test_confirmed": "no-baseline",
    }
    assert "FileExistsError" in run.reason("test_repeated")


def test_what_the_repetition_prints_warns_and_logs_is_not_told(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import logging, pytest, warnings

            @pytest.mark.memguard(leaks=True, leak_budget=0.1)
            def test_loud():
                print("printed")
                logging.getLogger("loud").warning("logged")
                warnings.warn("warned")
                assert True
        """
    )
    run = project.spawn("-rP")
    assert [run.text.count(word) for word in ("printed\n", "UserWarning: warned")] == [1, 1]
    assert run.text.count("logged") == 1


def test_what_fixtures_pile_up_for_the_end_of_the_test_is_no_leak(project: GuardedProject) -> None:
    project.write(
        {"shop.py": "PRICE = 1\nTAX = 2\n"},
        test_it="""
            import os, sys, warnings, pytest, shop
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1)

            @pytest.fixture
            def taxed(monkeypatch, mocker):
                monkeypatch.setattr(shop, "TAX", 20)
                mocker.patch.dict(os.environ, TAXED="yes")

            def test_patched(taxed, monkeypatch, tmp_path):
                assert (shop.TAX, os.environ["TAXED"]) == (20, "yes")
                monkeypatch.setattr(shop, "PRICE", 5)
                monkeypatch.setenv("SHOP", "open")
                monkeypatch.setitem(sys.modules, "shelf", shop)
                monkeypatch.chdir(tmp_path)
                monkeypatch.syspath_prepend(tmp_path)

            def test_mocked(taxed, mocker):
                assert (shop.TAX, os.environ["TAXED"]) == (20, "yes")
                mocker.patch("shop.PRICE", 7)
                mocker.stub()

            def test_printed(capsys):
                print("x" * 200)

            def test_warned(recwarn):
                warnings.warn(UserWarning("x" * 200))

            @pytest.mark.memguard(leaks=False)
            def test_all_is_as_before():
                assert (shop.PRICE, shop.TAX) == (1, 2)
                assert not {"SHOP", "TAXED"} & set(os.environ)
                assert "shelf" not in sys.modules
        """,
    )
    run = project.spawn(plugins=("pytest_mock",))
    assert run.counted() == {"passed": 5}
    assert set(run.outcomes().values()) == {"no-baseline"}, run.outcomes()


def test_a_filling_cache_is_told_from_a_leak_in_a_large_session_too(project: GuardedProject) -> None:
    """What the session holds costs each look at it, and must not shorten the check."""
    project.write(
        {"conftest.py": "HELD = [[number] for number in range(1_000_000)]\n"},
        test_it="""
            import collections, pytest
            CACHE = collections.deque(maxlen=2_500)

            @pytest.mark.memguard(leaks=True, leak_budget=0.5)
            def test_fills():
                CACHE.append([bytes(100)])
                sum(range(30_000))
        """,
    )
    run = project.spawn()
    assert run.outcomes() == {"test_fills": "no-baseline"}
    assert run.results()["test_fills"]["leak"]["calls"] > 2_500


SLOW = """
    import time, os, pytest, pytest_memguard
    HELD = []

    def work():
        HELD.append(bytes(100_000))
        end = time.process_time() + 0.25
        while time.process_time() < end: pass

    @pytest.mark.memguard(leaks=True, leak_budget=0.02)
    def test_slow():
        work()
        more = bytearray(int(os.environ.get("MORE", 0)))

    @pytest.mark.memguard(leaks=True, leak_budget=0.02, fresh=True)
    def test_fresh(): work()

    def test_region(memguard): memguard.check_leaks(work, leak_budget=0.02)
"""


def test_a_check_that_its_calls_keep_from_checking_is_not_measured_and_accepts_nothing(
    project: GuardedProject,
) -> None:
    project.write(test_it=SLOW)
    accepting = project.accept()
    for run in (accepting, project.run()):
        assert set(run.outcomes().values()) == {"not-measured"}, run.text
        assert len(run.outcomes()) == 3
        for name in run.outcomes():
            assert re.fullmatch(
                r"a call takes too long: \d+ calls? .*cannot show a leak; raise leak_budget", run.reason(name)
            )
        assert "a call takes too long" in run.summary


def test_samples_that_fail_do_so_beside_a_check_that_could_not_check(project: GuardedProject) -> None:
    project.write(
        test_it=SLOW.replace("leaks=True, leak_budget=0.02)", "leaks=True, leak_budget=0.02, max_peak=1000)")
    )
    run = project.run("-k", "slow", "-v")
    assert run.outcomes() == {"test_slow": "over-limit"}
    assert run.counted()["failed"] == 1
    assert "note: a call takes too long" in run.text


def test_what_else_a_check_is_not_sure_of_is_a_note_of_the_test(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            HELD = []

            @pytest.mark.memguard(leaks=True, leak_budget=0.2, leak_ceiling="256 MiB")
            def test_piles(): HELD.append(bytearray(b"x") * 1_000_000)
        """
    )
    doubt = r"a cache of more than \d+ entries that still fills would look the same"
    run = project.run()
    assert run.outcomes() == {"test_piles": "leaked"}
    assert re.search(f"note: {doubt}", run.text)
    project.accept()
    again = project.run()
    assert again.outcomes() == {"test_piles": "ok"}, again.text
    assert re.search(f"note  test_it.py::test_piles: {doubt}", again.summary)


def test_what_only_the_interpreter_holds_is_named_by_what_registered_it(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import atexit, codecs, os, pytest
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget="10 ms")

            class Tracker:
                def hook(self, *_given): pass

            def test_fork(): os.register_at_fork(after_in_child=Tracker().hook)
            def test_codecs(): codecs.register(Tracker().hook)
            def test_exit(): atexit.register(Tracker().hook)
        """
    )
    leaks = {name: one["leak"]["held_by"] for name, one in project.spawn().results().items()}
    for name, holder in {
        "test_fork": "os.register_at_fork (list, ",
        "test_codecs": "codecs.register (list, ",
        "test_exit": "atexit (",
    }.items():
        assert leaks[name][0].startswith(holder)
        assert leaks[name][1:] == ["test_it.Tracker in test_it.py"]
