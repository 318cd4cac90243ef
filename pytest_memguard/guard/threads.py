"""`threads=N`: what each thread calls; says which tests cannot run from threads."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.unittest import TestCaseFunction

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sample import Sample
from pytest_memguard.core.sites import Meeting, SiteBytes
from pytest_memguard.core.unpatched import AsTestSeesIt, Unpatched
from pytest_memguard.guard.body import function_with_fixtures, is_async
from pytest_memguard.guard.hypothesis_tests import is_property_test
from pytest_memguard.guard.meetings import with_named_sites
from pytest_memguard.guard.tasks import TaskedRun
from pytest_memguard.meters.protocol import MeterError
from pytest_memguard.meters.site_namer import SiteNamer
from pytest_memguard.meters.stack_room import with_room

if TYPE_CHECKING:
    from pytest_memguard.orders.threads import OrderedThreads


def threads_refused(item: Any, policy: Policy) -> str:
    """Say why an item cannot be run from several threads; empty where it can, or is not asked to."""
    if policy.threads == 1:
        return ""
    function = inspect.unwrap(item.obj) if hasattr(item, "obj") else None
    if is_async(function):
        return (
            f"threads={policy.threads} is for tests that are not coroutines: an async test has one event "
            f"loop, in which tasks race; write tasks={policy.threads}"
        )
    if is_property_test(item):
        return (
            f"threads={policy.threads} is not for property tests: hypothesis draws for one thread at a time"
        )
    if not isinstance(item, TestCaseFunction) and type(item) is not pytest.Function:
        kind = type(item).__name__
        return f"threads={policy.threads} is for test functions and methods, and this is a {kind}"
    return ""


def concurrent_body(item: Any) -> Callable[[], object]:
    """Return what each thread calls: the function with its fixtures, or a `TestCase` of its own instance."""
    if isinstance(item, TestCaseFunction):
        test_case: Any = type(item.instance)  # this makes the instance, which pytest's tear-down expects
        return lambda: test_case(item.name).debug()
    return function_with_fixtures(item)


class ThreadedRun:
    """One run of an item from every thread its policy asks for, which take turns in the order of a number."""

    def __init__(self, item: pytest.Item, policy: Policy, namer: SiteNamer, *, order: int) -> None:
        import pytest_memguard.orders.threads  # noqa: F401, PLC0415 - now, since loading it in the sample would show there

        self._item = item
        self._policy = policy
        self._namer = namer
        self._order = order
        self._waiting: OrderedThreads | None = None
        self._last: OrderedThreads | None = None
        self.notes: tuple[str, ...] = ()

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Start the threads now, for the next run, so that a sample that starts inside has none of theirs."""
        with Unpatched():
            self._waiting = threads = self._taking_turns(_nothing)
            threads.open()
        try:
            yield
        finally:
            self._waiting = None
            with Unpatched():
                threads.close()

    def __call__(self) -> None:
        """Run it; the threads have ended afterwards, with what they kept for themselves."""
        body = concurrent_body(self._item)
        self._last = threads = self._waiting or self._taking_turns(body)
        self._waiting, threads.body = None, body
        try:
            with threads as call, AsTestSeesIt():
                call()
        except MemguardError as error:  # of threads that are stuck; the frames above are memguard's own
            pytest.fail(f"memguard: {error}", pytrace=False)
        finally:
            threads.body = _nothing
        if threads.never_rests:
            raise MeterError(
                f"{threads.never_rests}, a thread that it started, runs on after it and does not come to "
                "rest, so what it allocates depends on the speed of the machine; let the test end it"
            )

    def _taking_turns(self, body: Callable[[], object]) -> OrderedThreads:
        return taking_turns(body, self._policy, self._namer, orders=[self._order])

    def with_meetings(self, sample: Sample) -> Sample:
        """Say in a sample of the last run where the threads had come to that made what its sites held."""
        ran, self._last = self._last, None
        self.notes = ran.notes if ran is not None else ()
        if ran is None:
            return sample
        return with_named_sites(sample, lambda held: self._met(held, ran) if held.threads > 1 else held)

    def _met(self, held: SiteBytes, ran: OrderedThreads) -> SiteBytes:
        together = ran.together_with(
            lambda file: self._namer.name_of(file) == held.site.file, held.site.line, at_most=held.threads
        )
        if together is None:
            return held
        after = self._namer.site_in(together.code, together.after)
        each_bytes = held.peak_bytes // held.threads
        return replace(held, met=Meeting(together.threads, each_bytes, after, max(together.before, 0)))


def _nothing() -> None:
    """Stand in for a body that is not known yet, or not needed any more."""


def prepared(run: Callable[[], None]) -> AbstractContextManager[None]:
    """Return a context in which a run has started what a sample of it is not to count."""
    return run.prepared() if isinstance(run, ThreadedRun) else nullcontext()


def from_threads(
    item: pytest.Item, runtest: Callable[[], None], policy: Policy, namer: SiteNamer, *, order: int
) -> Callable[[], None]:
    """Return one run of an item: as pytest runs it, or from every thread that the policy asks for."""
    return runtest if policy.threads == 1 else ThreadedRun(item, policy, namer, order=order)


def with_meetings(sample: Sample, run: Callable[[], None]) -> tuple[Sample, tuple[str, ...]]:
    """Return a sample of a run with where its threads or tasks met, and what is to be said of their turns."""
    if isinstance(run, ThreadedRun):
        return run.with_meetings(sample), run.notes
    return (run.with_meetings(sample) if isinstance(run, TaskedRun) else sample), ()


def taking_turns(
    body: Callable[[], object], policy: Policy, namer: SiteNamer, *, orders: Sequence[int]
) -> OrderedThreads:
    """Return a context whose value calls `body` from every thread, in an order that the program decides.

    With several orders, each call has the next one. The turn passes at lines of the project's own files.
    """
    from pytest_memguard.orders.order import order_of  # noqa: PLC0415 - only tests with threads pay for it
    from pytest_memguard.orders.threads import OrderedThreads  # noqa: PLC0415 - its libraries would slow every tracker down

    return OrderedThreads(
        body,
        policy.threads,
        order=order_of(*orders),
        is_own=_OwnFiles(namer).__getitem__,
        stuck_seconds=policy.thread_timeout_seconds,
        above_room=with_room,
    )


class _OwnFiles(dict[str, bool]):
    """Whether a file is the project's own; a dictionary, since every call of a traced thread asks."""

    def __init__(self, namer: SiteNamer) -> None:
        super().__init__()
        self._namer = namer

    def __missing__(self, file: str) -> bool:
        self[file] = is_own = self._namer.is_of_project(file)
        return is_own
