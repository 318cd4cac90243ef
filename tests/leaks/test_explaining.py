"""What a finding is explained by: the line that allocates, and the path to what holds it."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import ctypes
import gc
import importlib
import platform
import queue
import shutil
import signal
import subprocess
import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.policy import Policy
from pytest_memguard.guard.body import leaving_fixtures
from pytest_memguard.guard.leak_check import check_leaks
from pytest_memguard.leaks.check import LeakCheck
from pytest_memguard.leaks.holders.clock import SearchClock
from pytest_memguard.leaks.holders.objects import is_weak
from pytest_memguard.leaks.holders.search import HolderSearch
from pytest_memguard.meters.site_namer import SiteNamer
from tests.leaks import holding_bodies
from tests.leaks.closing_meter import meter_of

ROOT = Path(__file__).parents[2]
FILE = "tests/leaks/holding_bodies.py"


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    """Drop what the bodies hold: the searches of later tests would go through millions of objects."""
    yield
    holding_bodies.close_database()
    importlib.reload(holding_bodies)
    gc.collect()


def _check(body: Callable[[], object]) -> LeakFinding:
    with meter_of(ROOT) as meter:
        finding = check_leaks(body, meter=meter, policy=Policy(leak_budget_seconds=0.1))
    assert finding.leaking, finding
    return finding


def test_further_calls_of_a_slow_body_collect_as_cheaply_as_those_of_the_readings() -> None:
    aside, calls = [10**6], [0]

    def body() -> None:
        aside[0], calls[0] = min(aside[0], gc.get_freeze_count()), calls[0] + 1
        sum(range(300_000))

    check = LeakCheck(body, Policy(leak_budget_seconds=0.01))
    finding = check.screen()
    aside[0], calls[0] = 10**6, 0
    check.look_closer(finding, SiteNamer(ROOT))
    assert calls[0], "further calls look for what piles up"
    assert aside[0] > 10_000, "a body that collects took as long as all objects of the session need"


HOLDERS = {
    "module_global": ("tests.leaks.holding_bodies._OPEN (dict, ", "entries)"),
    "class_attribute": ("tests.leaks.holding_bodies.Registry.seen (list, ", "entries)"),
    "closure_cell": ("kept in the closure of tests.leaks.holding_bodies._keeper.<locals>.add (list, ",),
    "thread_local": ("tests.leaks.holding_bodies._local (thread-local)", " > list, ", " entries"),
    "generator": ("tests.leaks.holding_bodies._generator (generator)", "held of the suspended _generate"),
    "functools_cache": ("tests.leaks.holding_bodies._load (functools cache, ", "unbounded"),
    "web_of_new_objects": ("tests.leaks.holding_bodies._rendered (functools cache, ", "holding_bodies.Node"),
    "list_of_links": (
        "tests.leaks.holding_bodies._FIRST (Link)",
        "following of tests.leaks.holding_bodies.Link (Link)",
    ),
    "plain_values_beside_what_is_made_anew": ("tests.leaks.holding_bodies._PAGES (dict, ",),
    "much_beside_many": ("tests.leaks.holding_bodies._ORDERS (list, ", "holding_bodies.Order"),
    "list_that_its_members_know": (
        "tests.leaks.holding_bodies._pool (Pool)",
        "members of tests.leaks.holding_bodies.Pool (list, ",
    ),
    "functions_that_wrap_each_other": ("tests.leaks.holding_bodies.Hook",),
    "plain_values_in_a_context": ("context variable seen (contextvars.Context)",),
    "patterns_beside_a_full_cache": ("tests.leaks.holding_bodies._PATTERNS (dict, ",),
    "tuple_that_is_copied": ("tests.leaks.holding_bodies._callbacks (tuple, ",),
    "mapping_that_is_copied_beside_thread_locals": ("tests.leaks.holding_bodies._handlers (dict, ",),
    "finalizer": (
        "weakref.finalize._registry (dict, ",
        "weakref.finalize of tests.leaks.holding_bodies.Registry ",
        "(calls tests.leaks.holding_bodies.Signal.forget)",
    ),
    "weakref_callback": ("tests.leaks.holding_bodies._watchers (list, ",),
    "weakrefs_left_behind": ("tests.leaks.holding_bodies._forgotten (list, ",),
    "default_argument": (
        "defaults of tests.leaks.holding_bodies.default_argument (tuple, 1 entry)",
        ".py > list, ",
    ),
    "stream_that_gathers_lines": ("tests.leaks.holding_bodies._report (StringIO)",),
    "rows_of_a_database": ("tests.leaks.holding_bodies._database (Connection)",),
    "function_that_an_extension_keeps": ("no Python object: an extension keeps a reference",),
    "stream_that_gathers_messages": ("tests.leaks.holding_bodies._sink (StringIO)",),
    "numbers_in_a_simple_queue": ("tests.leaks.holding_bodies._orders (SimpleQueue, ",),
    "reader_that_lags": ("tests.leaks.holding_bodies._READERS (tuple, 2 entries)", "itertools._tee"),
    "class_registered_for_dispatch": (
        "functools.singledispatch registry of tests.leaks.holding_bodies.shown (dict, ",
    ),
    "streams_that_all_get_a_line": ("tests.leaks.holding_bodies._streams (list, ",),
    "weakref_callback_with_a_default": ("tests.leaks.holding_bodies._watchers (list, ",),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_path_to_the_holder(name: str) -> None:
    finding = _check(getattr(holding_bodies, name))
    path = " > ".join(finding.held_by)
    assert path.startswith(HOLDERS[name][0]), path
    assert all(part in path for part in HOLDERS[name]), path
    assert "hunter2" not in path
    assert "secret" not in path
    assert len(finding.held_by) <= 4
    assert finding.sites[0].site.file == FILE
    shown = sum(site.retained_bytes for site in finding.sites if not site.is_inner)
    assert 0 < shown <= finding.bytes_per_call


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("module_global", {"tests.leaks.holding_bodies.Session": 1, "str": 1}),
        ("finalizer", {"weakref.finalize": 1, "weakref.finalize._Info": 1}),
        ("list_of_links", {"tests.leaks.holding_bodies.Link": 1}),
        ("plain_values_beside_what_is_made_anew", {"tuple": 2, "bytes": 1, "float": 1}),
        ("plain_values_in_a_context", {}),
    ],
)
def test_what_each_call_leaves_is_counted_by_type(name: str, kinds: dict[str, float]) -> None:
    finding = _check(getattr(holding_bodies, name))
    found = {kind.name: kind.per_call for kind in finding.kinds}
    assert {kind: found.get(kind) for kind in kinds} == pytest.approx(kinds, abs=0.05), found
    assert max(found.values(), default=0) < 8, found


def test_one_leak_has_one_fingerprint_whoever_shows_it() -> None:
    first, again = (_check(body) for body in (holding_bodies.module_global, _twice))
    assert first.fingerprint == again.fingerprint != ""
    assert first.bytes_per_call < again.bytes_per_call
    assert _check(holding_bodies.class_attribute).fingerprint not in ("", first.fingerprint)


def _twice() -> None:
    holding_bodies.module_global()
    holding_bodies.module_global()


MMAP = {"x86_64": 9, "aarch64": 222}


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in MMAP, reason="it calls the system by number"
)
def test_a_leak_that_no_allocator_sees_says_so() -> None:
    """What is mapped past every allocator was ascribed to a line of which one byte grew."""
    call = ctypes.CDLL(None).syscall
    call.restype = ctypes.c_void_p
    pages: list[ctypes.c_long] = [*map(ctypes.c_long, (0, 65_536, 3, 0x22, -1, 0))]

    def body() -> None:
        ctypes.memset(call(ctypes.c_long(MMAP[platform.machine()]), *pages), 1, 65_536)

    finding = _check(body)
    assert "shows only in resident memory" in finding.note
    (site,) = finding.sites
    assert site.site.function == "body"
    assert site.retained_bytes == finding.bytes_per_call


def test_a_leak_stays_one_where_a_call_fails_while_it_is_explained() -> None:
    kept: list[bytes] = []
    broken: list[bool] = []

    def body() -> None:
        kept.append(bytes(500))
        if broken:
            raise OSError

    check = LeakCheck(body, Policy(leak_budget_seconds=0.1))
    finding = check.screen()
    broken.append(True)
    with meter_of(ROOT) as meter:
        explained = check.explain(finding, meter)
    assert explained.leaking
    assert explained.bytes_per_call == finding.bytes_per_call
    assert "its lines are not known: call 1 failed while they were traced" in explained.note
    assert "its holder is not known: the search failed with BodyFailedError" in explained.note


def test_the_body_is_named_behind_what_leaves_its_fixtures_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    body = leaving_fixtures(partial(holding_bodies.module_global), {"monkeypatch": monkeypatch})
    finding = LeakFinding(leaking=True, bytes_per_call=100, calls=1000)
    (own,) = LeakCheck(body).own_line(finding, SiteNamer(ROOT))
    assert (own.site.file, own.site.function) == (FILE, "module_global")


def test_lists_and_tuples_that_stay_are_not_named_as_if_they_held() -> None:
    kept: list[list[object]] = []
    (holder,) = _check(lambda: kept.append([object()])).held_by
    assert holder.startswith("kept in the closure of ")


class Shape(abc.ABC):  # noqa: B024 - only what it remembers is looked at
    """Remembers by weak references, each with a callback of its own, which classes are no shapes."""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_handlers_of_a_signal_that_each_keep_the_one_before_are_named() -> None:
    def wrap(calls: int) -> None:
        for _ in range(calls):
            signal.signal(signal.SIGUSR1, partial(_pass_on, signal.getsignal(signal.SIGUSR1)))

    leak = LeakFinding(leaking=True, bytes_per_call=150, calls=4_000, settled_bytes=0)
    before = signal.getsignal(signal.SIGUSR1)
    try:
        with meter_of(ROOT) as meter:
            held = HolderSearch(wrap, leak, namer=meter.namer, clock=SearchClock(60)).find(16)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert held.steps[0].text == "handler of SIGUSR1 (partial)"


def _pass_on(_before: object, *_of_signal: object) -> None:
    """Call the handler before."""


class Stream:
    """It makes a list and a list in a list anew, as a handler of logs does that is reset."""

    def reset(self) -> None:
        self.records: list[object] = []
        self.buffer: list[object] = [[]]


def test_what_is_made_anew_in_few_calls_holds_nothing() -> None:
    stream, values = Stream(), array("d")

    def repeat(calls: int) -> None:
        stream.reset()
        values.extend([1.0] * calls)

    leak = LeakFinding(leaking=True, bytes_per_call=8, calls=4_000, settled_bytes=0)
    with meter_of(ROOT) as meter:
        held = HolderSearch(repeat, leak, namer=meter.namer, clock=SearchClock(60)).find(4)
    assert "array" in held.steps[0].text


def test_what_an_abstract_class_remembers_of_classes_holds_none() -> None:
    made = type("Made", (), {})
    assert not issubclass(made, Shape)
    implementation: object = vars(Shape)["_abc_impl"]
    (seen,) = (one for one in gc.get_referents(implementation) if isinstance(one, set) and one)
    assert is_weak(seen, {id(reference.__callback__) for reference in seen})


class Hostile:
    """Its class says nothing that can be read."""

    __qualname__: str = "Hostile"

    def __len__(self) -> int:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]  # on purpose


def test_objects_that_answer_with_errors_hide_no_leak() -> None:
    kept: list[Hostile] = []
    finding = _check(lambda: kept.append(Hostile()))
    assert finding.held_by[0].startswith("kept in the closure of ")


@pytest.fixture
def served() -> Iterator[Callable[[], object]]:
    asked: queue.Queue[int] = queue.Queue()
    done: queue.Queue[int] = queue.Queue()

    def serve() -> None:
        backlog: list[holding_bodies.Session] = []
        while asked.get():
            backlog.append(holding_bodies.Session())
            done.put(1)

    thread = threading.Thread(target=serve, name="server")
    thread.start()

    def body() -> None:
        asked.put(1)
        done.get()

    yield body
    asked.put(0)
    thread.join()


def test_local_of_a_running_frame(served: Callable[[], object]) -> None:
    finding = _check(served)
    assert finding.held_by[0].startswith("backlog of the running ")
    assert finding.held_by[0].endswith("thread server")


@pytest.fixture
def polled() -> Iterator[Callable[[], object]]:
    loop = asyncio.new_event_loop()
    asked: asyncio.Queue[int] = asyncio.Queue()

    async def poll() -> None:
        pending: list[holding_bodies.Session] = []
        while await asked.get():
            pending.append(holding_bodies.Session())

    async def ask() -> None:
        asked.put_nowait(1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    task = loop.create_task(poll())
    yield lambda: loop.run_until_complete(ask())
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()


def test_local_of_a_running_task(polled: Callable[[], object]) -> None:
    path = _check(polled).held_by
    assert any(step.startswith("pending of the suspended ") and "poll" in step for step in path), path


def test_memory_without_a_stack_is_charged_to_the_body() -> None:
    asyncio.run(asyncio.sleep(0.001))  # leaves a module behind that CPython 3.12 cannot list safely
    libc = ctypes.CDLL(None)

    def body() -> None:
        libc.malloc(100)

    (site,) = _check(body).sites
    assert (site.site.file, site.site.function) == ("tests/leaks/test_explaining.py", "body")


LEAKING_C = """
#include <stdlib.h>
void *keep(void) {
    return calloc(100, 1);
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="a C compiler is needed")
def test_native_frame_is_named_relative_to_the_project(tmp_path: Path) -> None:
    source = tmp_path / "src/keep.c"
    source.parent.mkdir()
    source.write_text(LEAKING_C, encoding="utf-8")
    library = tmp_path / "keep.so"
    subprocess.run(["cc", "-g", "-O0", "-shared", "-fPIC", "-o", library, source], check=True)
    keep = ctypes.CDLL(str(library)).keep

    def body() -> None:
        keep()

    with meter_of(tmp_path) as meter:
        finding = check_leaks(body, meter=meter, policy=Policy(leak_budget_seconds=0.1, native=True))
    (place,) = {site.inner for site in finding.sites}
    assert place is not None
    assert (place.file, place.line, place.function) == ("src/keep.c", 4, "keep")


def test_tracemalloc_names_the_line_where_memray_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytest_memguard.meters.memray_meter", None)  # its import fails now
    finding = _check(holding_bodies.module_global)
    assert (finding.sites[0].site.file, finding.sites[0].site.function) in {
        (FILE, "module_global"),
        (FILE, ""),
    }
    assert finding.held_by
