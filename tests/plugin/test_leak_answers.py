"""What a leak check answers through pytest: leaks of any rhythm, and bodies that run out of something."""

from __future__ import annotations

import re

import pytest

from tests.guarded_project import GuardedProject

RHYTHMS = """
    import random, pytest
    KEPT, RANDOM = [], {}
    pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1, max_leak_per_call="10 MiB")

    def work(milliseconds):
        # Of a typical machine, as the check counts costs: by the clock, a quick Python makes fewer calls.
        for _ in range(20 * milliseconds):
            total = 0
            for number in range(1_000): total += number

    class Writer:
        def __init__(self, every, size, _): self.every, self.size, self.calls = every, size, 0
        def write(self):
            self.calls += 1
            if self.calls % self.every == 0: KEPT.append(bytearray(self.size))

    BATCHES = [(40, 1_000_000, 1), (60, 5_000_000, 1), (16, 1_000_000, 4), (16, 1_000_000, 9)]
    WRITERS = {each: Writer(*each) for each in BATCHES}

    @pytest.mark.parametrize("each", WRITERS)
    def test_batches(each):
        work(each[-1])
        WRITERS[each].write()

    @pytest.mark.parametrize("each", [24])
    def test_too_slow_to_tell(each):
        work(each)

    @pytest.mark.parametrize(("milliseconds", "share"), [(1, .2), (5, .5)])
    @pytest.mark.parametrize("seed", range(6))
    def test_at_random(milliseconds, share, seed):
        work(milliseconds)
        chance = RANDOM.setdefault((share, seed), random.Random(seed)).random()
        if chance < share: KEPT.append(bytearray(100_000))

    CALLS = []
    @pytest.mark.parametrize("start", [40, 60])
    def test_late(start):
        work(1)
        CALLS.append(start)
        if CALLS.count(start) > start: KEPT.append(bytearray(100_000))
"""


def test_a_leak_of_megabytes_never_passes_whatever_its_rhythm(project: GuardedProject) -> None:
    project.write(test_it=RHYTHMS)
    run = project.spawn()
    assert len(run.outcomes()) == 19
    results = run.results()
    found = {name for name, result in results.items() if result["leak"]["leaking"]}
    told = {name for name, outcome in run.outcomes().items() if outcome != "not-measured"}
    slow = "test_too_slow_to_tell[24]"
    assert told == found | {slow}, run.outcomes()
    assert len(found) >= 10, run.outcomes()
    assert results[slow]["leak"]["doubts"] == ["few-calls"]
    assert "made only 9, and does not see a leak to which fewer calls add" in " ".join(run.text.split())


FREED_ONCE = """
    import itertools, pytest
    KEPT, OLDER, CALLS = [], [bytes(6_000) for _ in range(200)], itertools.count()

    @pytest.mark.memguard(leaks=True, leak_budget=0.1)
    def test_it():
        for _ in range(20_000): pass
        KEPT.append(bytes(2_000))
        if next(CALLS) == 40: OLDER.clear()
"""


def test_what_is_freed_once_hides_no_leak(project: GuardedProject) -> None:
    project.write(test_it=FREED_ONCE)
    run = project.run()
    assert run.outcomes() == {"test_it": "leaked"}
    assert 2_000 <= run.results()["test_it"]["leak"]["bytes_per_call"] <= 2_200


POOL = """
    import itertools, os, pytest
    pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.2)
    LEAKY = os.environ.get("LEAKY") == "1"

    class Pool:
        def __init__(self): self.taken = []
        def connect(self):
            if len(self.taken) >= 15: raise TimeoutError("QueuePool limit of size 15 reached")
            self.taken.append(bytearray(4_000))
            return self.taken[-1]
        def release(self, connection): self.taken.remove(connection)

    POOL = Pool()

    def test_query():
        connection = POOL.connect()
        if not LEAKY: POOL.release(connection)

    CALLS = itertools.count()

    def test_runs_out_of_nothing():
        if LEAKY and next(CALLS) > 20: raise TimeoutError("no more of them")
"""


def test_a_pool_that_is_used_up_by_every_call_is_a_leak_and_says_what_ran_out(
    project: GuardedProject,
) -> None:
    project.write(test_it=POOL)
    project.accept()
    assert set(project.run().outcomes().values()) == {"ok"}
    project.let(LEAKY=1)
    run = project.run()
    assert run.outcomes() == {"test_query": "leaked", "test_runs_out_of_nothing": "not-measured"}
    used_up = r" a call, used up after 1\d calls: TimeoutError: QueuePool limit of size 15 reached"
    assert re.search(used_up, run.reason("test_query"))
    assert "cannot be repeated: call 2" in run.reason("test_runs_out_of_nothing")


FILES = """
    import os, resource, pytest
    KEPT = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    @pytest.mark.memguard(leaks=True, leak_budget=0.2)
    def test_opens(): KEPT.append(open(os.devnull))

    @pytest.mark.memguard
    def test_after():
        with open(os.devnull) as file: file.read()
"""


@pytest.mark.parametrize("limit", [64, 256])
def test_files_that_run_out_are_a_leak_and_break_no_test_after_it(
    project: GuardedProject, limit: int
) -> None:
    project.write(test_it=FILES.replace("MOST", str(limit)))
    run = project.spawn()
    assert run.outcomes() == {"test_opens": "leaked", "test_after": "no-baseline"}, run.text
    assert "1 file" in run.reason("test_opens")


SLOW = """
    import time, pytest
    KEPT = []

    @pytest.mark.memguard(leaks=True, leak_budget=0.3)
    def test_slow():
        KEPT.append(bytearray(100_000))
        time.sleep(0.2)
"""


def test_eight_calls_of_a_slow_body_that_keep_much_are_evidence_enough(project: GuardedProject) -> None:
    project.write(test_it=SLOW)
    run = project.run()
    assert run.outcomes() == {"test_slow": "leaked"}, run.reason("test_slow")
    leak = run.results()["test_slow"]["leak"]
    assert leak["calls"] == 9
    assert 100_000 <= leak["bytes_per_call"] <= 101_000
    assert "a cache of more than 9 entries that still fills would look the same" in run.text


FULL_AT_ONCE = """
    import os, pytest
    CACHE, ROWS = {}, int(os.environ["ROWS"])

    @pytest.mark.memguard(leaks=True, leak_budget=0.05)
    @pytest.mark.parametrize("calls", [1, 2])
    def test_cache(calls):
        kept = CACHE.setdefault(calls, [])
        if len(kept) < calls: kept.append([bytes(1_000) for _ in range(ROWS // calls)])
"""


def test_a_cache_that_is_full_after_the_first_calls_is_told(project: GuardedProject) -> None:
    """They run before the check, which therefore saw it settle at nothing, and nobody heard of it."""
    project.write(test_it=FULL_AT_ONCE)
    project.let(ROWS=60)
    assert "first calls" not in project.accept().summary
    project.let(ROWS=6_000)
    run = project.run()
    project.write(test_new=FULL_AT_ONCE)
    new = project.run("test_new.py")  # two samples each, some of which leave the same behind
    for result in [*run.results().values(), *new.results().values()]:
        (note,) = result["measurement"]["notes"]
        assert re.search(r"its first calls left (5\.[89]|6\.\d) MiB behind", note), note
    assert any("fresh=True judges it" in line for line in run.lines), run.lines


DOCTEST = '''
    """Add, and keep what was added.

    >>> KEPT.extend([bytes(SIZE)] * bool(SIZE)) or add(1, 2)
    3
    """
    import os
    KEPT, SIZE = [], int(os.environ["SIZE"])

    def add(one, other): return one + other
'''


def test_a_doctest_is_repeated_with_the_names_that_it_begins_with(project: GuardedProject) -> None:
    project.write(shop=DOCTEST)
    arguments = ("--doctest-modules", "--memguard-all", "--memguard-leaks")
    for size, outcome in ((2_000, "leaked"), (0, "no-baseline")):
        project.let(SIZE=size)
        run = project.run(*arguments)
        assert run.outcomes() == {"shop": outcome}, run.text
