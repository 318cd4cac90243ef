"""Where threads stood together that had made something: found from the lines that each came to."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable

from pytest_memguard.orders.order import Lockstep, Order, Staggered
from pytest_memguard.orders.places import RETURN
from pytest_memguard.orders.threads import OrderedThreads
from pytest_memguard.orders.visited_lines import Path, Together

THREADS = 4


def load() -> bytearray:
    made = bytearray(100)  # it is made here
    return made  # noqa: RET504 - a line after the one that makes it


def load_at_once() -> bytearray:
    return bytearray(100)  # it is made at once


def line_of(text: str) -> int:
    source = inspect.getsource(inspect.getmodule(load)).splitlines()  # type: ignore[arg-type]  # this module
    return 1 + next(number for number, line in enumerate(source) if line.endswith(text))


def met(
    body: Callable[[], object],
    text: str = "# it is made here",
    at_most: int = THREADS,
    order: Order | None = None,
) -> Together | None:
    def is_own(file: str) -> bool:
        return file == __file__

    threads = OrderedThreads(body, THREADS, order=order or Lockstep(), is_own=is_own)
    with threads as call:
        call()
    return threads.together_with(is_own, line_of(text), at_most=at_most)


def test_threads_that_made_something_met_at_the_line_after_it() -> None:
    cache: dict[str, bytearray] = {}

    def body() -> None:
        if "key" not in cache:
            cache["key"] = load()

    found = met(body)
    assert found is not None
    assert (found.threads, found.code) == (THREADS, load.__code__)
    assert (found.after, found.before) == (line_of("# it is made here"), line_of("# it is made here") + 1)


def test_a_caller_is_named_where_the_function_only_returns() -> None:
    def body() -> None:
        value = load_at_once()  # calls
        assert value

    found = met(body, "# it is made at once")
    assert found is not None
    assert (found.code, found.after) == (body.__code__, line_of("# calls"))
    assert found.before == found.after + 1


def test_threads_that_made_something_one_after_another_met_where_each_waited_with_it() -> None:
    one_at_a_time, changed = threading.Lock(), threading.Condition()
    arrived: list[bytearray] = []

    def keep(made: bytearray) -> None:
        with changed:
            arrived.append(made)
            while len(arrived) < THREADS:
                changed.wait()  # each waits here
            changed.notify_all()

    def body() -> None:
        one_at_a_time.acquire()
        made = load_at_once()
        one_at_a_time.release()
        keep(made)

    found = met(body, "# it is made at once")
    assert found is not None
    assert (found.code, found.after) == (keep.__code__, line_of("# each waits here"))
    assert found.threads == THREADS - 1


def test_threads_met_before_the_return_where_they_came_to_no_line_after_it() -> None:
    found = met(load_at_once, "# it is made at once")
    assert found is not None
    assert (found.threads, found.before) == (THREADS, RETURN)


def test_threads_met_within_the_line_that_looks_and_makes() -> None:
    cache: dict[str, object] = {}

    def body() -> object:
        return cache.get("key") or cache.setdefault("key", bytes(100))  # looks and makes

    found = met(body, "# looks and makes")
    assert found is not None
    assert (found.threads, found.after, found.before) == (THREADS, found.before, line_of("# looks and makes"))


def test_no_more_threads_met_than_made_it() -> None:
    found = met(load, at_most=2)
    assert found is not None
    assert found.threads == 2
    assert met(load, at_most=1) is None


def test_threads_that_took_turns_at_a_lock_did_not_meet_in_it() -> None:
    lock = threading.Lock()
    cache: dict[str, bytearray] = {}

    def body() -> None:
        with lock:
            if "key" not in cache:
                cache["key"] = load()

    assert met(body) is None


def test_a_loop_offers_its_turn_at_eight_visits_at_each_doubling_and_seldom_after() -> None:
    path, code = Path(), load.__code__
    assert path.comes_to(code, 1)
    path.arrives(code, 1)
    offered = [1, *(visit for visit in range(2, 20_000) if path.comes_to(code, 1))]
    assert offered == sorted({*range(1, 9), *(2**power for power in range(15)), 4_096, 8_192, 12_288, 16_384})
    assert not path.offers((id(code), 1))


def test_looks_in_vain_become_seldom_until_they_are_forgotten() -> None:
    path, code = Path(), load.__code__
    path.arrives(code, 1)
    path.comes_to(code, 1)
    assert [look for look in range(1, 1_000) if not path.is_looked_at_in_vain()] == [
        *range(1, 65),
        128,
        256,
        512,
    ]
    path.forget_looks()
    assert not path.is_looked_at_in_vain()


def test_threads_that_still_sleep_in_a_line_stand_together_with_one_that_has_come_further() -> None:
    naps = iter([0.3, *[0.6] * (THREADS - 1)])

    def body() -> int:
        made = load_at_once()
        seconds = next(naps)
        time.sleep(seconds)  # it sleeps here
        return len(made)

    together = met(body, text="# it sleeps here")
    assert together is not None
    assert (together.threads, together.after) == (THREADS, line_of("# it sleeps here"))


def test_where_most_stood_behind_the_line_is_named_before_the_return_at_which_all_did() -> None:
    cache: dict[str, bytearray] = {}

    def loads() -> None:
        made = load_at_once()  # it is loaded
        time.sleep(0.005)  # it is stored late
        cache["key"] = made

    def body() -> None:
        if "key" not in cache:
            loads()

    together = met(body, text="# it is loaded", order=Staggered())
    assert together is not None
    assert (together.threads, together.code) == (THREADS, loads.__code__)
    assert (together.after, together.before) == (
        line_of("# it is stored late"),
        line_of("# it is stored late") + 1,
    )
