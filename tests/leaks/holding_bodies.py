"""Bodies that leak, each into another kind of holder."""

from __future__ import annotations

import contextvars
import functools
import io
import itertools
import queue
import re
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator


class Session:
    """What is left behind; its value is nobody's business."""

    def __init__(self, token: str = "hunter2") -> None:
        self.token = token


_OPEN: dict[str, Session] = {}
_numbers = itertools.count()


def module_global() -> None:
    _OPEN[f"secret-{next(_numbers)}"] = Session()


class Registry:
    seen: list[Session] = []  # noqa: RUF012 - the leak that is wanted


def class_attribute() -> None:
    Registry.seen.append(Session())


def _keeper() -> Callable[[], None]:
    kept: list[Session] = []

    def add() -> None:
        kept.append(Session())

    return add


closure_cell = _keeper()
_local = threading.local()


def thread_local() -> None:
    if not hasattr(_local, "items"):
        _local.items = []
    _local.items.append(Session())


def _generate() -> Iterator[None]:
    held: list[Session] = []
    while True:
        held.append(Session())
        yield


_generator = _generate()


def generator() -> None:
    next(_generator)


@functools.cache
def _load(_key: int) -> Session:
    return Session()


def functools_cache() -> None:
    _load(next(_numbers))


_subject = Registry()
_watchers: list[weakref.ref[Registry]] = []


def weakref_callback() -> None:
    session = Session()

    def on_end(_gone: weakref.ref[Registry]) -> None:
        del session.token

    _watchers.append(weakref.ref(_subject, on_end))


_forgotten: list[weakref.ref[Registry]] = []


def weakrefs_left_behind() -> None:
    _forgotten.append(weakref.ref(Registry()))


_streams: list[io.StringIO] = []


def streams_that_all_get_a_line() -> None:
    _streams.append(io.StringIO())
    for stream in _streams:
        stream.write("a line")


def default_argument(seen: list[object] = []) -> None:  # noqa: B006 - it is the leak
    seen.append(Session())


_report = io.StringIO()


def stream_that_gathers_lines() -> None:
    _report.write("a line of a report")


_database = sqlite3.connect(":memory:", check_same_thread=False)
_database.execute("CREATE TABLE visits (page TEXT)")


def rows_of_a_database() -> None:
    _database.execute("INSERT INTO visits VALUES (?)", ("a page" * 40,))


def close_database() -> None:
    _visits.close()
    _database.close()  # before the module is loaded anew: CPython 3.13 warns of one that is not closed


def function_that_an_extension_keeps() -> None:
    _database.create_function(f"f{next(_numbers)}", 1, lambda _: 1)


class Message(str):  # noqa: SLOT000 - it has attributes
    """What a library logs, with the record that it was made of."""


_sink = io.StringIO()


def stream_that_gathers_messages() -> None:
    message = Message("a line of a log")
    vars(message)["record"] = bytes(500)
    _sink.write(message)


def weakref_callback_with_a_default() -> None:
    def on_end(_gone: weakref.ref[Registry], _data: bytes = bytes(200)) -> None: ...

    _watchers.append(weakref.ref(_subject, on_end))


class Node:
    def __init__(self, depth: int) -> None:
        self.kind = type("Made", (), {})  # a class for each: its base knows it, and does not hold it
        self.above: Node | None = None
        self.below = Node(depth - 1) if depth else None
        if self.below is not None:
            self.below.above = self


@functools.cache
def _rendered(_node: Node) -> None: ...


def web_of_new_objects() -> None:
    _rendered(Node(8))


class Link:
    following: Link | None = None


_FIRST = _last = Link()


def list_of_links() -> None:
    global _last  # noqa: PLW0603 - the end of a list, as careless code keeps it
    _last.following = Link()
    _last = _last.following


_PAGES: dict[tuple[str, int], tuple[float, bytes]] = {}


class Latest:
    rows: list[list[object]] | None = None


_latest = Latest()


def plain_values_beside_what_is_made_anew() -> None:
    """Keep what the collector does not track, and replace a structure of many objects that it does."""
    number = next(_numbers)
    _PAGES["visitor", number] = (0.5 * number, bytes(500))
    _latest.rows = [[number, []] for _ in range(400)]


class Signal:
    def forget(self) -> None: ...


_signal = Signal()


def finalizer() -> None:
    weakref.finalize(_subject, _signal.forget)


class Order:
    def __init__(self) -> None:
        self.rows = [[number] for number in range(20)]


_ORDERS: list[Order] = []
_TIMES: list[float] = []


def much_beside_many() -> None:
    """Keep one object that leads to many, and five that lead to none."""
    _ORDERS.append(Order())
    _TIMES.extend(next(_numbers) + share for share in (0.1, 0.2, 0.3, 0.4, 0.5))


class Pool:
    def __init__(self) -> None:
        self.members: list[Member] = []
        vars(self)  # from CPython 3.11 on, it has a dict only then


class Member:
    def __init__(self, others: list[Member]) -> None:
        self.others = others
        vars(self)


_pool = Pool()


def list_that_its_members_know() -> None:
    """Keep objects each of which refers to what keeps it: thousands of dicts do."""
    _pool.members.append(Member(_pool.members))


_callbacks: tuple[Callable[[], None], ...] = ()


def tuple_that_is_copied() -> None:
    """Keep a function in a tuple that is made anew with each, as code does that must not lock."""
    global _callbacks  # noqa: PLW0603 - as such code does it
    _callbacks = (*_callbacks, lambda: None)


class Handler:
    def __init__(self) -> None:
        self.within = threading.local()


_handlers: dict[int, Handler] = {}


def mapping_that_is_copied_beside_thread_locals() -> None:
    global _handlers  # noqa: PLW0603 - as a library does that never changes what others may iterate over
    repr([1])  # it puts a list beside the thread-locals of a thread, so that the collector lists their dict
    _handlers = {**_handlers, len(_handlers): Handler()}


class Hook:
    run: Callable[[], object] = staticmethod(lambda: None)


def _wrapped(function: Callable[[], object]) -> Callable[[], object]:
    def call() -> object:
        return function()

    return call


def functions_that_wrap_each_other() -> None:
    """Wrap what is called once more, as code does that decorates at each call."""
    Hook.run = staticmethod(_wrapped(Hook.run))


_seen: contextvars.ContextVar[tuple[object, ...]] = contextvars.ContextVar("seen", default=())
_beside: contextvars.ContextVar[list[object]] = contextvars.ContextVar("beside")


def plain_values_in_a_context() -> None:
    """Copy a tuple of what the collector does not track, in one of two variables of the context."""
    if _beside.get(None) is None:
        _beside.set([])
    _seen.set((*_seen.get(), object()))


_orders: queue.SimpleQueue[int] = queue.SimpleQueue()


def numbers_in_a_simple_queue() -> None:
    """Queue what the collector does not track; from CPython 3.13 on, no list shows how much there is."""
    _orders.put(next(_numbers))


_READERS = itertools.tee(iter(Session, None))


def reader_that_lags() -> None:
    """Read on with one of two readers, while all is kept for the other in a chain of thousands of links."""
    next(_READERS[0])


@functools.singledispatch
def shown(one: object) -> str:
    return str(one)


def class_registered_for_dispatch() -> None:
    shown.register(type("Made", (), {}), str)


_visits = sqlite3.connect(":memory:", check_same_thread=False)
_visits.execute("CREATE TABLE visits (page TEXT)")


def rows_by_a_few_cursors() -> None:
    """Write to a database, which lists the cursors of its last calls beside."""
    _visits.execute("INSERT INTO visits VALUES (?)", ("a page" * 40,))


_PATTERNS: dict[str, re.Pattern[str]] = {}


def patterns_beside_a_full_cache() -> None:
    """Keep what a full cache of the standard library turns over, and holds together with its keys."""
    text = f"a{next(_numbers)}"
    _PATTERNS[text] = re.compile(text)
