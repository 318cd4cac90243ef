"""`threads=N`: the body from every thread at once, in the sample and in the leak check."""

from __future__ import annotations

import re

import pytest

from pytest_memguard.core.environment import environment_key
from pytest_memguard.orders import turns
from tests.guarded_project import GuardedProject
from tests.meter_here import METER

CACHE = """
    import time

    class Cache:
        def __init__(self):
            self.entries = {}
            self.lost = []

        def get(self, key):
            if key not in self.entries:
                value = bytearray(1_000_000)
                time.sleep(0.05)                 # the load, meanwhile others look
                self.entries[key] = value
            return self.entries[key]
"""


def test_race_of_check_then_load_shows_in_the_peak(project: GuardedProject) -> None:
    project.write(
        cache=CACHE,
        test_it="""
            import pytest
            from cache import Cache

            @pytest.fixture
            def cache():
                return Cache()

            @pytest.mark.memguard
            def test_alone(cache):
                cache.get("k")

            @pytest.mark.memguard(threads=8, max_peak="2 MiB", orders=1)
            def test_at_once(cache):
                cache.get("k")
        """,
    )
    run = project.run()
    assert run.outcomes() == {"test_alone": "no-baseline", "test_at_once": "over-limit"}
    assert run.measured("test_alone") // 1_000_000 == 1
    assert run.measured("test_at_once") // 1_000_000 == 8
    site = run.results()["test_at_once"]["sites"][0]
    assert (site["file"], site["function"]) == ("cache.py", "get")
    met, line = site["met"], site["line"]
    assert (met["threads"], met["after"]["line"], met["before_line"]) == (8, line, line + 1)
    assert met["each_bytes"] // 1_000_000 == 1
    assert f"8 threads were between cache.py:{line} and cache.py:{line + 1} at once" in run.text


def test_copies_that_pile_up_are_a_leak_with_its_site_and_holder(project: GuardedProject) -> None:
    project.write(
        pool="""
            import time
            POOL = []
            IDLE = []

            def connect():
                if not IDLE:
                    time.sleep(0.001)
                    IDLE.append(1)
                    POOL.append(bytes(5000))
                if IDLE:
                    IDLE.clear()
        """,
        test_it="""
            import pytest, pool

            @pytest.mark.memguard(leaks=True, threads=4, leak_budget=0.3)
            def test_connect():
                pool.connect()
        """,
    )
    run = project.run()
    assert run.outcomes() == {"test_connect": "leaked"}
    result = run.results()["test_connect"]
    assert 1_000 < result["leak"]["bytes_per_call"] < 5_600
    assert result["leak"]["calls"] % 4 == 0
    assert result["leak"]["orders"] == [0, 1, 2]
    assert "from threads in orders 0 to 2" in run.reason("test_connect")
    assert (result["sites"][0]["file"], result["sites"][0]["function"]) == ("pool.py", "connect")
    assert "pool.POOL" in result["leak"]["held_by"][0]


def test_where_the_turns_ended_before_the_call_is_said(
    project: GuardedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MOST_SWITCH_POINTS", 20)
    project.write(
        test_it="""
            import pytest

            @pytest.mark.memguard(threads=4)
            def test_long():
                for _ in range(8):
                    x = 1
        """,
    )
    run = project.run()
    assert run.outcomes() == {"test_long": "no-baseline"}
    assert "its threads took all 20 turns of a call, and then ran on without turns" in run.text


def test_clean_body_from_threads_is_no_leak(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import threading, pytest
            local = threading.local()

            @pytest.mark.memguard(leaks=True, threads=4, leak_budget=0.3)
            def test_clean():
                local.buffer = bytes(10_000)
                [object() for _ in range(50)]
        """,
    )
    assert project.run().outcomes() == {"test_clean": "no-baseline"}


def test_a_leak_past_the_ceiling_ends_the_check_with_its_rate(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            HELD = []

            @pytest.mark.memguard(leaks=True, threads=4, leak_ceiling="60 MiB", leak_budget=5)
            def test_grows():
                HELD.append(b"x" * 300_000)

            def test_stopped():
                assert sum(map(len, HELD)) < 400_000_000
        """,
    )
    run = project.run()
    assert run.outcomes() == {"test_grows": "leaked"}
    assert run.counted() == {"failed": 1, "passed": 1}
    leak = run.results()["test_grows"]["leak"]
    assert 270_000 <= leak["bytes_per_call"] <= 360_000
    reached = "ceiling" in leak.get("doubts", [])
    assert reached or leak["calls"] * 300_000 < 100 * 1024**2  # memory freed before was used again at first


FAILURES = {
    "first": ("threading.current_thread().name.startswith('memguard 3')", "memguard"),
    "late": ("next(calls) == 200", "memguard(leaks=True)"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_exception_in_a_thread_fails_the_test_with_its_traceback(project: GuardedProject, case: str) -> None:
    when, _ = FAILURES[case]
    project.write(
        test_it=f"""
            import itertools, threading, pytest
            calls = itertools.count()

            def deeper():
                raise RuntimeError("dictionary changed size during iteration")

            @pytest.mark.memguard(threads=4, leaks={case == "late"})
            def test_racing():
                if {when}:
                    deeper()
        """,
    )
    run = project.run()
    assert run.counted() == {"failed": 1}
    assert "in deeper" in run.text or "test_it.py:6: RuntimeError" in run.text
    assert "RuntimeError: dictionary changed size during iteration" in run.text


def test_deadlock_ends_with_the_stacks_of_all_threads(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import threading, pytest
            first, second = threading.Lock(), threading.Lock()
            met = threading.Barrier(2)
            turn = iter([(first, second), (second, first)])

            @pytest.mark.memguard(threads=2, thread_timeout=0.5)
            def test_deadlock():
                one, other = next(turn)
                with one:
                    met.wait()
                    with other:
                        pass

            @pytest.mark.memguard(threads=2)
            def test_after():
                bytearray(2_000_000)
        """,
    )
    run = project.run()
    assert run.counted() == {"failed": 1, "passed": 1}
    assert run.text.count("with other:") >= 2
    assert (
        "2 of 2 threads wait for locks that no other thread can release" in run.text
        or "have not moved" in run.text
    )
    assert "memguard 1 of 2" in run.text
    assert "memguard 2 of 2" in run.text
    assert "pytest_memguard" not in run.text.split("FAILURES")[1]
    assert 2_000_000 <= run.measured("test_after") <= 4_100_000


def test_a_thread_that_runs_on_and_never_rests_is_a_reason_not_to_measure(project: GuardedProject) -> None:
    """It would also be one more in each further sample, until nothing else got a turn."""
    project.write(
        test_it="""
            import threading, pytest

            STOPPED = []

            @pytest.fixture(scope="module", autouse=True)
            def stops():
                yield
                STOPPED.append(True)

            def spin():
                while not STOPPED:
                    pass

            @pytest.fixture
            def cache():
                return {}

            @pytest.mark.memguard(threads=2)
            def test_leaves_it(cache):
                if cache.setdefault("first", threading.get_ident()) == threading.get_ident():
                    threading.Thread(target=spin, name="spinner", daemon=True).start()

            @pytest.mark.memguard(threads=2)
            def test_next(cache):
                if "key" not in cache:
                    cache["key"] = bytearray(300_000)
        """,
    )
    run = project.run()
    assert run.counted() == {"passed": 2}
    assert run.outcomes() == {"test_leaves_it": "not-measured", "test_next": "no-baseline"}
    assert run.reason("test_leaves_it").startswith("spinner, a thread that it started, runs on")
    assert 600_000 <= run.measured("test_next") < 602_000


def test_methods_of_a_test_case_each_have_their_instance(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import unittest, pytest
            ready = []

            class TestIt(unittest.TestCase):
                def setUp(self):
                    self.mine = bytearray(100_000)
                    ready.append(self)  # all are kept: an id may be given again

                @pytest.mark.memguard(threads=3)
                def test_it(self):
                    self.assertEqual(len(self.mine), 100_000)

            def test_all():
                assert len({id(one) for one in ready}) >= 3
        """,
    )
    run = project.run()
    assert run.counted() == {"passed": 2}
    assert run.measured("TestIt::test_it") >= 100_000


REFUSED = {
    "coroutine": (
        "async def test_it(): pass",
        "an async test has one event loop, in which tasks race; write tasks=4",
    ),
    "property": (
        "from hypothesis import given, strategies\n@given(strategies.integers())\ndef test_it(n): pass",
        "not for property tests",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_threads_cannot_run_is_not_measured(project: GuardedProject, kind: str) -> None:
    text, reason = REFUSED[kind]
    mark = "import pytest\npytestmark = [pytest.mark.anyio, pytest.mark.memguard(threads=4)]\n"
    project.write(
        conftest="import pytest\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n",
    )
    (project.root / "test_it.py").write_text(mark + text)
    run = project.run("-p", "anyio")
    assert run.counted() == {"passed": 1}
    assert run.outcomes() == {"test_it": "not-measured"}
    assert reason in run.reason("test_it")


def test_a_skip_in_a_thread_skips_the_test(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.mark.memguard(threads=2)
            def test_it():
                pytest.skip("not here")
        """,
    )
    assert project.run().counted() == {"skipped": 1}


def test_the_order_that_needs_the_most_counts_and_can_be_played_again(project: GuardedProject) -> None:
    project.write(
        shop="""
            STATE = {"open": 0}
            HELD = []

            def work():
                # Only where one thread runs this far before another has begun, it needs more.
                STATE["open"] += 1
                if STATE["open"] == 1:
                    first = 1
                    second = 2
                    third = 3
                    if STATE["open"] == 1:
                        HELD.append(bytearray(2_000_000))
                STATE["open"] -= 1
        """,
        test_it="""
            import pytest, shop

            @pytest.fixture(autouse=True)
            def empty():
                shop.HELD.clear()
                shop.STATE["open"] = 0

            @pytest.mark.memguard(threads=3, orders=ORDERS, max_peak="1 MiB")
            def test_it():
                shop.work()
        """.replace("ORDERS", "6"),
    )
    run = project.run()
    assert run.outcomes() == {"test_it": "over-limit"}
    order, *_ = re.findall(r"play it again with --memguard-order=(\d+)", run.text)
    assert int(order) > 0
    again = project.run(f"--memguard-order={order}")
    assert again.outcomes() == {"test_it": "over-limit"}
    assert again.measured("test_it") // 1_000_000 == run.measured("test_it") // 1_000_000
    assert project.run("--memguard-order=0").outcomes() == {"test_it": "no-baseline"}


def test_nothing_of_the_threads_themselves_counts(
    project: GuardedProject,
) -> None:
    project.write(
        cache="""
            import threading

            LOCK = threading.Lock()

            def load():
                return [str(number) for number in range(200)]

            def get(entries):
                with LOCK:
                    if "k" not in entries:
                        entries["k"] = load()
                return entries["k"]
        """,
        test_it="""
            import cache, pytest

            @pytest.fixture
            def entries():
                return {}

            @pytest.mark.memguard(threads=8)
            def test_get(entries):
                assert len(cache.get(entries)) == 200

            @pytest.mark.memguard(threads=8)
            def test_nothing():
                pass
        """,
    )
    project.accept()
    peaks, nothing = [], []
    for _ in range(3):
        run = project.run()
        peaks.append(run.measured("test_get"))
        nothing.append(run.measured("test_nothing"))
    assert max(peaks) - min(peaks) < 1_000  # runs in one process find other free lists each time
    assert max(nothing) < 8 * 1024  # the stack of one thread alone is 16 KiB


LOCKED_BY_KEY = """
    import threading
    CACHE, LOCKS, MASTER = {}, {}, threading.Lock()

    def get():
        with lock_of("k"):
            if "k" not in CACHE:
                CACHE["k"] = bytearray(200_000)
        return CACHE["k"]

    def lock_of(key):
"""
MADE_ONCE = """
        with MASTER:
            return LOCKS.setdefault(key, threading.Lock())
"""
MADE_TWICE = """
        if key not in LOCKS:
            LOCKS[key] = threading.Lock()
        return LOCKS[key]
"""


def test_a_lock_that_is_made_twice_shows_in_the_staggered_order(project: GuardedProject) -> None:
    project.write(
        shop=LOCKED_BY_KEY + MADE_ONCE,
        test_it="""
            import pytest, shop

            @pytest.fixture(autouse=True)
            def empty():
                shop.CACHE.clear()
                shop.LOCKS.clear()

            @pytest.mark.memguard(threads=8)
            def test_it():
                assert shop.get()
        """,
    )
    assert project.run("--memguard-accept").outcomes() == {"test_it": "no-baseline"}
    project.write(shop=LOCKED_BY_KEY + MADE_TWICE)
    run = project.run()
    assert run.outcomes() == {"test_it": "grew"}
    assert "order 1 needs the most; play it again with --memguard-order=1" in run.text
    assert project.run("--memguard-order=0").outcomes() == {"test_it": "ok"}


def test_a_fresh_test_runs_from_threads_in_both_orders(project: GuardedProject) -> None:
    project.write(
        {
            # One sample for each order: an entry that needs no confirmation.
            f".memguard/baseline/{environment_key()}/test_it.py.yml": f"""
                format: 1
                meter: {METER.name}
                tests:
                  test_it: {{peak: 1_000_000, retained: 1_000_000}}
                  test_it::body: {{peak: 1_000_000, retained: 1_000_000}}
            """
        },
        shop=LOCKED_BY_KEY.replace("200_000", "2_000_000") + MADE_TWICE,
        test_it="""
            import pytest, shop

            @pytest.mark.memguard(threads=8, fresh=True, tolerance="1000%, 10 MiB")
            def test_it():
                assert shop.get()
        """,
    )
    run = project.run()
    assert run.outcomes() == {"test_it": "ok", "test_it::body": "ok"}
    assert run.measured("test_it::body") // 2_000_000 == 2
    assert "--memguard-order" not in run.text  # nothing failed


def test_an_error_of_a_further_order_names_it_and_hides_no_growth(project: GuardedProject) -> None:
    project.write(
        shop="""
            CACHE = {}

            def get():
                if not CACHE:
                    value = CACHE["k"] = bytearray(100_000)
                return value
        """,
        test_it="""
            import pytest, shop

            @pytest.fixture(autouse=True)
            def empty():
                shop.CACHE.clear()

            @pytest.mark.memguard(threads=8, max_peak="2 MiB")
            def test_within():
                assert shop.get()

            @pytest.mark.memguard(threads=8, max_peak="300 KiB")
            def test_over():
                assert shop.get()
        """,
    )
    run = project.run()
    assert run.outcomes() == {"test_within": "not-measured", "test_over": "over-limit"}
    assert "UnboundLocalError" in run.text
    assert run.text.count("play it again with --memguard-order=1") == 2


def test_a_fresh_test_whose_calls_fail_in_turns_of_another_order_is_checked_in_order_0(
    project: GuardedProject,
) -> None:
    project.write(
        {
            # One sample is enough for an entry that is far above it.
            f".memguard/baseline/{environment_key()}/test_it.py.yml": f"""
                format: 1
                meter: {METER.name}
                tests:
                  test_it: {{peak: 9_000_000, retained: 9_000_000, settled: 9_000_000}}
                  test_it::body: {{peak: 9_000_000, retained: 9_000_000}}
            """
        },
        test_it="""
            import pytest

            HELD = []

            @pytest.mark.memguard(fresh=True, threads=3, leaks=True, leak_budget="50 ms")
            def test_it():
                HELD.append(bytearray(2_000))
                if len(HELD) % 3:  # the others have not appended theirs
                    raise KeyError("alone")
        """,
    )
    run = project.run()
    assert run.outcomes()["test_it"] == "leaked"
    assert "fail in turns of several orders with KeyError: 'alone'; order 0 was checked" in run.text
    assert "play it again with --memguard-order=1" in run.text


def test_what_only_one_order_of_turns_leaves_behind_is_a_leak(project: GuardedProject) -> None:
    project.write(
        shop="""
            WAITING = []

            def wait():
                global WAITING
                mine = bytes(2000)
                others = WAITING
                WAITING = [*others, mine]
                left = [one for one in WAITING if one is not mine]
                WAITING = left
        """,
        test_it="""
            import pytest, shop

            @pytest.mark.memguard(leaks=True, threads=4, leak_budget=0.3)
            def test_wait():
                shop.wait()
        """,
    )
    assert project.run("--memguard-order=0").outcomes() == {"test_wait": "no-baseline"}
    assert project.run().outcomes() == {"test_wait": "leaked"}
