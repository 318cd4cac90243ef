"""Known leaks of libraries: removes them between windows of a check, and reports them separately."""

from __future__ import annotations

import os
import sys
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from weakref import WeakKeyDictionary

from pytest_memguard.core.leak_finding import KnownGrowth
from pytest_memguard.core.real_types import is_a, names_of


@dataclass(frozen=True, slots=True)
class LibraryLeak:
    """A leak of a library before its release `fixed_in`, or of all releases.

    `take_away` removes what the library has piled up and returns how many bytes that was.
    """

    distribution: str
    fixed_in: tuple[int, ...] | None
    reason: str
    reference: str
    take_away: Callable[[], int]

    def is_here(self) -> bool:
        """Say whether a release that leaks is installed, and loaded."""
        if self.distribution not in sys.modules:
            return False
        try:
            return self.fixed_in is None or _release(version(self.distribution)) < self.fixed_in
        except PackageNotFoundError:
            return False


def _release(text: str) -> tuple[int, ...]:
    """Read the numbers that a version starts with.

    >>> _release("5.2.19"), _release("6.1rc1")
    ((5, 2, 19), (6,))
    """
    numbers = []
    for part in text.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _finalizers_of_djangos_tests() -> int:
    """Drop finalizers that signals of Django make for each request of a test client and `assertNumQueries`.

    They are of functions of `django.db`, which are never freed, and of clients that outlive their request.
    """
    database = sys.modules.get("django.db")
    functions = {id(getattr(database, name, None)) for name in ("close_old_connections", "reset_queries")}
    client: Any = getattr(sys.modules.get("django.test.client"), "ClientMixin", ())
    registry: dict[Any, Any] = getattr(weakref.finalize, "_registry", {})
    taken_bytes = 0
    for finalizer in list(registry):
        details = finalizer.peek()
        if details is None or not (id(details[0]) in functions or is_a(details[0], client)):
            continue
        info = registry.get(finalizer)
        parts = (finalizer, info, getattr(info, "weakref", None), details[1])
        taken_bytes += sum(sys.getsizeof(part) for part in parts if part is not None)
        finalizer.detach()
    return taken_bytes


def _leak_of_a_runner(distribution: str, compat_module: str, place: str) -> LibraryLeak:
    """Return the leak of click's test runner, or of its copy in another distribution."""
    return LibraryLeak(
        distribution=distribution,
        fixed_in=None,
        reason=f"{distribution}'s test runner leaves its output streams behind in a cache",
        reference=f"_make_cached_stream_func in {place}",
        take_away=partial(_streams_of_a_runner, compat_module, f"{distribution}.testing"),
    )


def _streams_of_a_runner(compat_module: str, testing_module: str) -> int:
    """Drop the streams of click's test runner or of its copy: each is its own value in a weak mapping."""
    compat: Any = sys.modules.get(compat_module)
    kind: Any = getattr(sys.modules.get(testing_module), "_NamedTextIOWrapper", ())
    taken_bytes = 0
    for name in ("_default_text_stdin", "_default_text_stdout", "_default_text_stderr"):
        function: Any = getattr(compat, name, None)
        cells = getattr(function, "__closure__", None) or ()
        mappings = [one for one in (cell.cell_contents for cell in cells) if type(one) is WeakKeyDictionary]
        for mapping in mappings:
            for stream in [one for one in mapping if is_a(one, kind) and mapping[one] is one]:
                taken_bytes += sum(map(sys.getsizeof, (stream, vars(stream), stream.buffer)))
                del mapping[stream]
    return taken_bytes


def _references(held: list[Any], number: int) -> int:
    one = held[number]
    return sys.getrefcount(one)


_HELD_BY_A_LIST = _references([object()], 0)
"""References to an object that only a list holds, with those of the count itself."""


def _keys_and_uploads_of_moto() -> int:
    """Dispose of what moto's S3 keeps in a list after all buckets have forgotten it, as moto does itself."""
    models = sys.modules.get("moto.s3.models")
    taken_bytes = 0
    for name in ("FakeKey", "FakeMultipart"):
        tracked: list[Any] = getattr(getattr(models, name, None), "instances_tracked", [])
        for number in reversed(range(len(tracked))):
            if _references(tracked, number) <= _HELD_BY_A_LIST:
                one = tracked[number]
                one.dispose()
                del tracked[number]
                state = vars(one)
                taken_bytes += sum(map(sys.getsizeof, (one, state, *state.values())))
    return taken_bytes


def _finders_of_temporary_folders() -> int:
    """Drop what the import system remembers of temporary folders that nothing is imported from any more."""
    folder = tempfile.gettempdir()
    inside = tuple(os.path.join(one, "") for one in {folder, os.path.realpath(folder)})  # noqa: PTH118 - keys are texts
    taken_bytes = 0
    found = [one for one in sys.path_importer_cache if str(one).startswith(inside)]
    used = _folders_of_imports() if found else set()
    for path in found:
        if path not in used:
            finder = sys.path_importer_cache.pop(path, None)
            state = getattr(finder, "__dict__", {})
            taken_bytes += sum(map(sys.getsizeof, (path, finder, state, *state.values())))
    return taken_bytes


def _folders_of_imports() -> set[str]:
    """Return the folders on `sys.path`, and those of packages: a project may live in a temporary folder."""
    packages = [names_of(module).get("__path__", ()) for module in [*sys.modules.values()]]
    return {*sys.path, *(folder for folders in packages for folder in folders)}


LIBRARY_LEAKS = (
    LibraryLeak(
        distribution="sys",
        fixed_in=None,
        reason="the import system keeps what it has read of each temporary folder that was on sys.path",
        reference="sys.path_importer_cache, which nothing takes entries out of",
        take_away=_finders_of_temporary_folders,
    ),
    LibraryLeak(
        distribution="django",
        fixed_in=(6, 1),
        reason="Django's test client and assertNumQueries leave weakref finalizers behind",
        reference="Signal.connect in django/dispatch/dispatcher.py, before Django 6.1",
        take_away=_finalizers_of_djangos_tests,
    ),
    _leak_of_a_runner("click", "click._compat", "click/_compat.py"),
    _leak_of_a_runner(
        "typer", "typer._click._compat", "typer/_click/_compat.py, the copy of click since typer 0.26"
    ),
    LibraryLeak(
        distribution="moto",
        fixed_in=None,
        reason="moto keeps every key and upload of S3 that there ever was",
        reference="instances_tracked in moto/s3/models.py, as of moto 5.2",
        take_away=_keys_and_uploads_of_moto,
    ),
)
"""What memguard knows of; each has a test with the library itself."""


@dataclass(slots=True)
class _PiledUp:
    """What was taken away of a leak: it keeps no list, which would grow between the readings of a check."""

    leak: LibraryLeak
    first_bytes: int = 0
    last_bytes: int = 0
    windows: int = 0
    """After how many windows there was some."""

    def take_away(self) -> None:
        """Take away what has piled up since; the first that there is was left behind by the first call."""
        self.last_bytes = self.leak.take_away()
        self.first_bytes = self.first_bytes or self.last_bytes
        self.windows += self.last_bytes > 0

    def is_known(self, at_once: int) -> bool:
        """Say whether each call added to it; what was there once, and not later, has not piled up."""
        return self.first_bytes >= at_once and (self.windows > 1 or self.last_bytes > 0)


class LibraryLeaks:
    """The leaks of loaded libraries during one leak check; what was there before it is taken away at once."""

    def __init__(self) -> None:
        self._here = [_PiledUp(leak) for leak in LIBRARY_LEAKS if leak.is_here()]
        for one in self._here:
            one.leak.take_away()

    def take_away(self) -> None:
        """Take away what has piled up."""
        for one in self._here:
            one.take_away()

    def known(self, at_once: int) -> tuple[KnownGrowth, ...]:
        """Return what the leaks added to a call; a window makes at least `at_once` calls."""
        return tuple(
            KnownGrowth(
                reason=one.leak.reason,
                bytes_per_call=one.first_bytes // at_once,
                reference=one.leak.reference,
            )
            for one in self._here
            if one.is_known(at_once)
        )
