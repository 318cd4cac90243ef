"""Decides whose memory an allocation is, and names the source line it is charged to."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from types import CodeType

from pytest_memguard.core.sites import Site
from pytest_memguard.meters.chance import FILES, is_by_chance
from pytest_memguard.meters.functions import functions_of
from pytest_memguard.meters.harness import covers, installed_for, package_of, paths_of
from pytest_memguard.meters.mock_libraries import STANDARD_MOCKS, MockLibraries
from pytest_memguard.meters.stacks import Frame

UNKNOWN_SITE = Site(file="<native>", line=0, function="unknown")

_SOURCES = "src/"
"""Where many projects keep what they install."""

_PYTEST = "_pytest/"
_EVENT_LOOPS = ("asyncio/base_events.py", "asyncio/runners.py")


class Owner(Enum):
    """What kind of code a file is."""

    PROJECT = "project"
    INSTALLED = "installed"
    STDLIB = "stdlib"
    LOOP = "loop"
    HARNESS = "harness"


class SiteNamer:
    """Classifies files and names sites relative to a project's root.

    `exclude` adds packages whose memory is not the test's, `include` takes some back.
    """

    def __init__(self, root: Path, exclude: Iterable[str] = (), include: Iterable[str] = ()) -> None:
        self._folder = root.resolve()
        self._root = f"{self._folder}/"
        self._excluded = paths_of(exclude)
        self._included = paths_of(include)
        self._own = f"{Path(__file__).resolve().parent.parent}/"
        paths = sysconfig.get_paths()
        self._stdlib = tuple(
            {f"{Path(paths[key]).resolve()}/" for key in ("stdlib", "platstdlib")}
            | {f"{paths['stdlib']}/"}
            | _folders_of_extensions()
        )
        self._import_roots = self._roots()
        self._installed = installed_for(self._folder)
        self._mock_libraries = MockLibraries(self._folder)
        self._known: dict[str, tuple[Owner, str]] = {}
        self._sources: dict[str, tuple[str, ...]] = {}
        self._functions: dict[str, dict[int, str]] = {}
        self._bench: dict[str, bool] = {}

    @property
    def imported(self) -> Mapping[str, str]:
        """Distributions with a plugin that count for the test, each with a file that imports it."""
        return self._installed.imported

    def _roots(self) -> tuple[str, ...]:
        """Folders that packages are imported from, the longest first, without the project's own."""
        roots = {f"{Path(entry).resolve()}/" for entry in sys.path if entry}
        roots |= {f"{entry.rstrip('/')}/" for entry in sys.path if entry}
        prefixes = (f"{Path(sys.prefix).resolve()}/", *self._stdlib)
        own = {root for root in roots if root.startswith(self._root) and not root.startswith(prefixes)}
        return tuple(sorted(roots - own - {self._root} - set(self._stdlib), key=len, reverse=True))

    def classify(self, file: str) -> tuple[Owner, str]:
        """Return the owner of a file and its name in reports."""
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = self._classify(file)
        return known

    def _classify(self, file: str) -> tuple[Owner, str]:
        if file.startswith(self._own):
            return Owner.HARNESS, f"pytest_memguard/{file[len(self._own) :]}"
        if file.startswith("<"):
            is_standard = file.startswith("<frozen") or file == "<string>"
            return (Owner.STDLIB if is_standard else Owner.INSTALLED), file
        import_root = next((root for root in self._import_roots if file.startswith(root)), None)
        if import_root is None and (
            stdlib := next((root for root in self._stdlib if file.startswith(root)), None)
        ):
            name = file[len(stdlib) :]
            return (Owner.LOOP if name in _EVENT_LOOPS else Owner.STDLIB), name
        in_project = file.startswith(self._root)
        if import_root is None or (in_project and len(import_root) < len(self._root)):
            name = file[len(self._root) :] if in_project else file
            return (Owner.HARNESS if self._is_excluded(name) else Owner.PROJECT), name
        return self._classify_installed(file, file[len(import_root) :])

    def _classify_installed(self, file: str, name: str) -> tuple[Owner, str]:
        if self._is_excluded(name):
            return Owner.HARNESS, name
        source = self._source_of(file, name)
        if source is not None:
            return Owner.PROJECT, source
        is_harness = covers(self._installed.harness, name) and not covers(self._included, name)
        return (Owner.HARNESS if is_harness else Owner.INSTALLED), name

    def _is_excluded(self, name: str) -> bool:
        return covers(self._excluded, name.removeprefix(_SOURCES)) and not covers(self._included, name)

    def _source_of(self, file: str, name: str) -> str | None:
        """Return the file of the project from which a file was made that is installed without `-e`."""
        for folder in self._folders_with(name.partition("/")[0]):
            tail = f"{folder}{name}"
            source = self._folder / tail
            if source.is_file() and (covers(self._installed.project, name) or _is_same(source, Path(file))):
                return tail
        return None

    def _folders_with(self, package: str) -> tuple[str, ...]:
        """Return where the project may have the source of a package or module: nearly always nowhere."""
        if package not in self._sources:
            self._sources[package] = tuple(
                folder for folder in (_SOURCES, "") if (self._folder / folder / package).exists()
            )
        return self._sources[package]

    def belongs_to_test(self, frames: Iterable[Frame]) -> bool:
        """Say whether memory allocated under these frames, innermost first, is the test's.

        The innermost frame outside the standard library decides. An event loop serves the
        test whoever started it, and a stack without any other frame is a thread of the test.
        """
        return self.left_out_by(frames) is None

    def left_out_by(self, frames: Iterable[Frame]) -> str | None:
        """Return the file of the harness that memory allocated under these frames belongs to, if it does."""
        for frame in frames:
            owner, name = self.classify(frame[1])
            if owner is Owner.HARNESS or self._is_chance(name, frame):
                return name
            if owner is not Owner.STDLIB:
                return None
        return None

    def _is_chance(self, name: str, frame: Frame) -> bool:
        """Say whether it is chance that memory is allocated there."""
        return name in FILES and is_by_chance(name, frame[0] or self._function_at(frame[1], frame[2]))

    def name_of(self, file: str) -> str:
        """Return what reports call a file."""
        return self.classify(file)[1]

    def site_in(self, code: CodeType, line: int) -> Site:
        """Return the site of a line of some code."""
        return Site(file=self.name_of(code.co_filename), line=line, function=code.co_name)

    def is_of_project(self, file: str) -> bool:
        """Say whether a file is the project's own."""
        return self.classify(file)[0] is Owner.PROJECT

    def is_written_here(self, file: str) -> bool:
        """Say whether a file is the project's own, or an example of a doctest, which is in none."""
        return self.is_of_project(file) or file.startswith("<doctest ")

    def is_runner(self, name: str) -> bool:
        """Say whether a file that is left out is nobody's program: it runs every test, or it is chance."""
        return name.startswith("pytest_memguard/") or covers(self._installed.runners, name) or name in FILES

    def is_bench(self, file: str | None) -> bool:
        """Say whether a file is of the test bench: of a plugin, a test double or an excluded package.

        Runners of tests are not.
        """
        if not file:
            return False
        if file not in self._bench:
            self._bench[file] = self._is_bench(file)
        return self._bench[file]

    def _is_bench(self, file: str) -> bool:
        owner, name = self.classify(file)
        if owner is Owner.STDLIB:
            return name == STANDARD_MOCKS
        if owner is Owner.INSTALLED:
            return not covers(self._included, name) and self._mock_libraries.covers(name)
        return owner is Owner.HARNESS and not self.is_runner(name)

    def doubles_that_need(self, file: str) -> frozenset[str]:
        """Return the packages of test doubles that require the library of a file; none for a double's own."""
        owner, name = self.classify(file)
        if owner is not Owner.INSTALLED or self.is_bench(file):
            return frozenset()
        return self._mock_libraries.that_need(name)

    def is_within(self, file: str, packages: frozenset[str]) -> bool:
        """Say whether a file is of one of some installed packages."""
        owner, name = self.classify(file)
        return owner is Owner.INSTALLED and package_of(name) in packages

    def site_of(self, frames: Iterable[Frame]) -> tuple[Site, Site | None]:
        """Name the site of a stack, and the library frame inside it where that is another one.

        The site is the innermost frame of the project, else of an installed package, else of
        the standard library; never a program that runs pytest, as the script of a virtual environment does.
        """
        best: dict[Owner, Frame] = {}
        for frame in frames:
            owner, name = self.classify(frame[1])
            if owner is Owner.HARNESS and name.startswith(_PYTEST) and best:
                break
            if owner not in best:
                best[owner] = frame
                if owner is Owner.PROJECT:
                    break
        for owner in (Owner.PROJECT, Owner.INSTALLED, Owner.STDLIB, Owner.LOOP):
            if owner in best:
                inner = best.get(Owner.INSTALLED) if owner is Owner.PROJECT else None
                return self._named(best[owner]), self._named(inner) if inner else None
        return UNKNOWN_SITE, None

    def _named(self, frame: Frame) -> Site:
        name = frame[0] or self._function_at(frame[1], frame[2])
        return Site(file=self.name_of(frame[1]), line=frame[2], function=name)

    def _function_at(self, file: str, line: int) -> str:
        if file not in self._functions:
            self._functions[file] = functions_of(file)
        return self._functions[file].get(line, "")


def _folders_of_extensions() -> set[str]:
    """Return the folder of the standard library's extensions, which has an entry of its own in `sys.path`."""
    folder = sysconfig.get_config_var("DESTSHARED")
    return {f"{folder}/", f"{Path(folder).resolve()}/"} if folder else set()


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()
    except OSError:
        return False
