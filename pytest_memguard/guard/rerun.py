"""Runs an item again with fresh function-scoped fixtures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from _pytest.outcomes import OutcomeException

from pytest_memguard.core.errors import described
from pytest_memguard.core.real_types import is_a
from pytest_memguard.core.unpatched import AsTestSeesIt
from pytest_memguard.guard.ended_by_plugins import end_what_plugins_end
from pytest_memguard.leaks.repeating import is_interrupt_from_outside
from pytest_memguard.meters import MeterError

TEST_ERRORS = (Exception, OutcomeException)
"""What a test raises to fail or skip; an interrupt or `pytest.exit` is neither, and goes on up."""

TEARDOWN_ERROR = pytest.StashKey[BaseException]()
FAILED_PART = pytest.StashKey[bool]()
"""Whether a subtest of the item's run failed, which raises nothing."""


class CannotRunAgainError(Exception):
    """A test whose second run failed; the sentence says in which phase and with what."""


class Rerunner:
    """Runs one item again; made before the item's first run."""

    def __init__(self, item: pytest.Item) -> None:
        self.item: Any = item
        self._folder = _Folder(item)
        # What `pytest_runtest_makereport` left of the set-up, such as the phases that tmp_path asks for.
        self._set_up_marks = {
            key: dict(value)
            for key, value in self.item.stash._storage.items()  # noqa: SLF001 - a stash cannot be listed otherwise
            if is_a(value, dict)
        }

    @contextmanager
    def fresh(self, *, renews: bool = True) -> Iterator[None]:
        """Run the block as the item's second run; where it `renews`, with fixtures that are set up again.

        Raises `CannotRunAgainError` where any of that fails.
        """
        if renews:
            self.renew()
        try:
            yield
        except (*TEST_ERRORS, SystemExit, KeyboardInterrupt) as error:
            if isinstance(error, (CannotRunAgainError, MeterError)) or is_interrupt_from_outside(error):
                raise
            raise CannotRunAgainError(f"its second run failed with {described(error)}") from error
        recorded = pop_recorded_failure(self.item)
        if recorded is not None:
            raise CannotRunAgainError(f"its second run failed with {described(recorded)}")

    def renew(self) -> None:
        """Tear the item down and set it up again."""
        self.tear_down()
        self.set_up()

    def tear_down(self) -> None:
        """Tear the item down; an error there is kept for the real tear-down to raise."""
        item = self.item
        self._pretend_passed()
        try:
            with AsTestSeesIt(), self._folder.removed():
                end_what_plugins_end(item)
                item.session._setupstate.teardown_exact(item.parent)  # noqa: SLF001 - pytest offers no other way, and plugins that rerun use this one
        except TEST_ERRORS as error:
            item.stash[TEARDOWN_ERROR] = error
            raise CannotRunAgainError(f"its tear-down failed with {described(error)}") from error

    def let_go(self) -> None:
        """Drop what an item that is torn down still holds: its fixtures, and the instance of its class."""
        if hasattr(self.item, "_initrequest"):
            self.item._initrequest()  # noqa: SLF001 - as runtestprotocol does for an item that runs again
        self._renew_instance()

    def set_up(self) -> None:
        """Set the item up with new fixtures and a new instance of its class."""
        item = self.item
        self.let_go()
        try:
            with AsTestSeesIt():
                item.session._setupstate.setup(item)  # noqa: SLF001 - the counterpart of the tear-down above
                getattr(item, "obj", None)  # makes an instance: the tear-down of a TestCase deletes it
        except TEST_ERRORS as error:
            with AsTestSeesIt():
                item.session._setupstate.teardown_exact(item.parent)  # noqa: SLF001 - the failed set-up must not stay on the stack
            raise CannotRunAgainError(f"its second set-up failed with {described(error)}") from error
        for key, marks in self._set_up_marks.items():
            if key not in item.stash:
                item.stash[key] = dict(marks)

    def _renew_instance(self) -> None:
        """Give a method a new instance, unless a plugin has put something else in its place."""
        item = self.item
        bound = getattr(item.__dict__.get("_obj"), "__self__", None)
        if hasattr(item, "_getinstance"):
            is_own = bound is not None and bound is item.__dict__.get("_instance")
        else:  # pytest 8.0 and 8.1 keep the instance in the method alone
            is_own = type(bound) is getattr(item, "cls", None)
        if not is_own:
            return
        for name in ("_instance", "_obj"):
            item.__dict__.pop(name, None)

    def _pretend_passed(self) -> None:
        """Leave a passed report where fixtures look for the outcome of the call.

        Two recipes are in wide use: an attribute `rep_call` beside `rep_setup`, and a
        dictionary of reports by phase in the stash. pytest-monitor writes down what it measured in a
        tear-down, unless it is told that there is nothing.
        """
        item = self.item
        if hasattr(item, "monitor_results"):
            item.monitor_results = False
        call: pytest.CallInfo[None] = pytest.CallInfo.from_call(lambda: None, "call")
        if hasattr(item, "rep_setup") and not hasattr(item, "rep_call"):
            item.rep_call = pytest.TestReport.from_item_and_call(item, call)
        for stored in item.stash._storage.values():  # noqa: SLF001 - a stash cannot be listed otherwise
            if is_a(stored, dict) and is_a(stored.get("setup"), pytest.TestReport):
                stored.setdefault("call", pytest.TestReport.from_item_and_call(item, call))


class _Folder:
    """The `tmp_path` of an item: removed with each further run, so that the next one has the same name.

    Else there would be thousands of folders, and CPython 3.12 never frees a name that was part of a path.
    The folder of the first run stays for whoever wants to look into it.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._factory: Any = getattr(item.config, "_tmp_path_factory", None)  # none with `-p no:tmpdir`
        self._prefix = re.sub(r"\W", "_", item.name)[:30].lower()  # as pytest makes it
        self._number: int | None = None

    @contextmanager
    def removed(self) -> Iterator[None]:
        """Let pytest remove the folder with what is torn down in the block, unless it is the first one."""
        numbers: dict[str, int] = getattr(self._factory, "_next_number", {})  # pytest 8 looks at the folders
        if self._number is None or self._factory is None:
            self._number = numbers.get(self._prefix, 0)
            yield
            return
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self._factory, "_retention_policy", "failed", raising=False)
            yield
        numbers[self._prefix] = self._number


def raise_teardown_error(item: pytest.Item) -> None:
    """Raise what a tear-down between two runs raised, as the error of the real one.

    Unless a fixture asked the test for something that a hook has set since, with the report of the call.
    """
    error = item.stash.get(TEARDOWN_ERROR, None)
    if error is None:
        return
    del item.stash[TEARDOWN_ERROR]
    match error:
        case AttributeError(obj=asked, name=str(name)) if asked is item:
            is_set_since = hasattr(item, name)
        case KeyError(args=(key,)):
            is_set_since = key in item.stash._storage  # noqa: SLF001 - it may be no key of a stash
        case _:
            is_set_since = False
    if not is_set_since:
        raise error


def keeping_names(item: Any, runtest: Callable[[], None]) -> Callable[[], None]:
    """Return a run of an item that leaves a doctest the names it begins with; its own run takes them away."""
    doctest = getattr(item, "dtest", None)
    if doctest is None:
        return runtest

    def run() -> None:
        names = doctest.globs
        doctest.globs = dict(names)
        try:
            runtest()
        finally:
            doctest.globs = names

    return run


def pop_recorded_failure(item: pytest.Item) -> BaseException | None:
    """Return an error that unittest wrote down instead of raising, and forget it there."""
    recorded = item.__dict__.pop("_excinfo", None)
    return recorded[0].value if recorded else None


def recorded_failure(item: pytest.Item) -> bool:
    """Say whether an error of this item's run was written down instead of raised, as subtests do."""
    return bool(item.__dict__.get("_excinfo")) or item.stash.get(FAILED_PART, False)
