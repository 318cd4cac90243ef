"""Runs memguard's own code with the standard library as it was before any fixture patched it.

While a test is measured its fixtures are alive: a clock is frozen, `open` is a mock, the file system is
a fake. What memguard does in between needs the real ones, and so do memray, psutil and the modules of
the standard library that they call. Tools that fake time or files replace what they find in the
namespaces of modules; so the namespaces are put back, and patched again for the test.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import compress, count, islice
from operator import getitem, is_not
from types import ModuleType, TracebackType

from pytest_memguard.core.meters import METER_PACKAGES

_STANDARD = frozenset(
    """
    _thread builtins collections contextlib ctypes datetime functools gc genericpath glob hashlib inspect io
    itertools json linecache math os pathlib posix posixpath queue random re
    resource selectors shutil signal stat statistics struct subprocess sys tempfile threading time tokenize
    traceback types weakref
    """.split()  # noqa: SIM905 - forty names in quotes would hide the names
)
"""What memguard, its meters and psutil call, with its submodules: `pathlib` is made of those from 3.13 on.

Not `warnings` and `logging`, which keep state in names.
"""

_PACKAGES = METER_PACKAGES | {"pytest_memguard", "psutil"}
_KNOWN = _STANDARD | _PACKAGES
_CLASSES = (
    pathlib.PurePath,
    pathlib.Path,
    threading.Thread,
    subprocess.Popen,
    tempfile.TemporaryDirectory,
)
_HOOKS = frozenset({"breakpointhook", "displayhook", "excepthook", "last_type", "unraisablehook"})
"""Names in `sys` that others change for as long as a run takes."""

_MISSING = object()
_RAISED_BY_TEST = "_memguard_raised_by_test"

_Place = ModuleType | type


class _Names:
    """Names of modules and classes, with what each stood for when it was added."""

    def __init__(self) -> None:
        # Columns, not rows: a tracker may be active, which sees each call that Python code makes, and
        # thousands of names are compared several times a test.
        self._places: list[_Place] = []
        self._dicts: list[Mapping[str, object]] = []
        self._names: list[str] = []
        self._values: list[object] = []
        self._inherited: list[tuple[type, Mapping[str, object], str]] = []

    def add_inherited(self, one: type) -> None:
        """Take in the public names that a class has from others only: a patch of one is a name of its own."""
        inherited = {name for base in one.__mro__[1:-1] for name, _ in _methods(base)} - vars(one).keys()
        self._inherited += [(one, vars(one), name) for name in inherited - {"__init__"}]

    def add(self, place: _Place, names: Iterator[tuple[str, object]]) -> None:
        """Take in names of a place as they are."""
        for name, value in [*names]:
            self._places.append(place)
            self._dicts.append(vars(place))
            self._names.append(name)
            self._values.append(value)

    def patched(self) -> list[tuple[_Place, str, object, object]]:
        """Return the names that stand for something else now: place, name, what was added, what is there."""
        values = map(getitem, self._dicts, self._names)
        try:
            different = [*compress(count(), map(is_not, values, self._values))]
        except KeyError:  # a name was deleted, which nearly never happens
            different = [*range(len(self._names))]
        rows = [
            (self._places[n], self._names[n], self._values[n], self._dicts[n].get(self._names[n], _MISSING))
            for n in different
        ]
        added = [(one, name, _MISSING, now[name]) for one, now, name in self._inherited if name in now]
        return [row for row in rows if row[2] is not row[3]] + added


class _Real:
    """The real names, and which of them are patched when memguard does not need them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a timer's handler may come in the midst of a change
        self._modules: dict[str, ModuleType] = {}
        self._names = _Names()
        self._patched: list[tuple[_Place, str, object, object]] = []
        self._patched_modules: dict[str, ModuleType | None] = {}
        self._known_modules = 0
        self.environment: Mapping[str, str] = {}
        self.depth = 0

    def remember(self) -> None:
        """Take what is there now for the real thing; called when all tests are collected."""
        self._modules = {}
        self._known_modules = 0
        self._names = _Names()
        for one in _CLASSES:
            self._names.add(one, _methods(one))
            self._names.add_inherited(one)
        self.learn_modules()
        self.environment = dict(os.environ)

    def learn_modules(self) -> None:
        """Take in the modules that memguard has loaded since, without a copy: a sample may be going on."""
        loaded, self._known_modules = len(sys.modules) - self._known_modules, len(sys.modules)
        for name in [*islice(reversed(sys.modules), max(0, loaded))]:
            module = sys.modules[name]
            if module is None:  # what a project forbids to import
                continue
            if name not in self._modules and name.partition(".")[0] in _KNOWN:
                self._modules[name] = module
                self._names.add(module, _names(name, module))

    def put_back(self) -> None:
        """Put the real names in place, unless they are."""
        with self._lock:
            self.depth += 1
            if self.depth > 1:
                return
            now = map(sys.modules.get, self._modules)
            for name in [*compress(self._modules, map(is_not, now, self._modules.values()))]:
                self._patched_modules[name] = sys.modules.get(name)
                sys.modules[name] = self._modules[name]
            for patched in self._names.patched():
                self._patched.append(patched)
                place, name, real, _ = patched
                _put(place, name, real)

    def patch_again(self) -> None:
        """Undo `put_back`, except for names that have changed since."""
        with self._lock:
            self.depth -= 1
            if self.depth > 0:
                return
            self.learn_modules()
            while self._patched:
                place, name, real, value = self._patched.pop()
                if vars(place).get(name, _MISSING) is real:
                    _put(place, name, value)
            while self._patched_modules:
                name, module = self._patched_modules.popitem()
                if module is None:
                    sys.modules.pop(name, None)
                else:
                    sys.modules[name] = module


def _put(place: _Place, name: str, value: object) -> None:
    if value is _MISSING:
        delattr(place, name)
    else:
        setattr(place, name, value)


def _names(name: str, module: ModuleType) -> Iterator[tuple[str, object]]:
    """Yield what a module can call: functions, classes and modules; of our own only what it imported."""
    is_own = name.partition(".")[0] in _PACKAGES
    for attribute, value in vars(module).items():
        if isinstance(value, ModuleType):
            yield attribute, value
        elif callable(value) and not (name == "sys" and attribute in _HOOKS):
            home = getattr(value, "__module__", None)
            if not (is_own and isinstance(home, str) and home.partition(".")[0] in _PACKAGES):
                yield attribute, value


def _methods(one: type) -> Iterator[tuple[str, object]]:
    """Yield the public methods of a class; memray itself replaces private ones of threads."""
    for name, value in vars(one).items():
        if name == "__init__" or not name.startswith("_"):
            yield name, value


_real = _Real()
remember_real_names = _real.remember
learn_loaded_modules = _real.learn_modules


def real_environment() -> Mapping[str, str]:
    """Return the environment variables as they were when all tests were collected."""
    return _real.environment


class Unpatched:
    """The block is memguard's own code: it gets the real standard library."""

    __slots__ = ()

    def __enter__(self) -> None:
        _real.put_back()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _real.patch_again()


class AsTestSeesIt:
    """The block, inside an `Unpatched` one, is the test's: it gets what its fixtures patched."""

    __slots__ = ("_depth",)

    def __enter__(self) -> None:
        self._depth, _real.depth = _real.depth, min(_real.depth, 1)
        if self._depth:
            _real.patch_again()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._depth:
            _real.put_back()
            _real.depth = self._depth
        if error is not None:
            with suppress(Exception):
                setattr(error, _RAISED_BY_TEST, True)


def as_test_sees_it(body: Callable[[], None]) -> Callable[[], None]:
    """Return a call of `body` inside an `AsTestSeesIt` block."""

    def call() -> None:
        with AsTestSeesIt():
            body()

    return call


def is_raised_by_test(error: BaseException) -> bool:
    """Say whether an error left a block of `AsTestSeesIt`: if not, it is memguard's own."""
    return getattr(error, _RAISED_BY_TEST, False) is True
