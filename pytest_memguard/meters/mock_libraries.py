"""Recognizes libraries of test doubles by what their distributions say of themselves."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path, PurePosixPath

from pytest_memguard.meters.harness import package_of
from pytest_memguard.meters.imports import importers

STANDARD_MOCKS = "unittest/mock.py"
"""The test doubles of the standard library."""

_FOR_TESTS = ("Topic :: Software Development :: Testing", "Framework :: Pytest")
_KEYWORDS = frozenset(
    {
        *("fake", "fakes", "mock", "mocking", "mocks", "spies", "spy", "spying", "stub", "stubs"),
        *("test", "testing", "tests"),
    }
)
_SUMMARY = re.compile(
    r"\b(?:fakes?|mock(?:s|ed|ing)?|sp(?:y|ies|ying)|stubs?|test doubles?)\b", re.IGNORECASE
)
_OUTERMOST = re.compile(r"^[^/.\n]+(?=[/.])", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TEST_FOLDERS = frozenset({"test", "tests"})


class MockLibraries:
    """The libraries of test doubles beside a project; what its program imports is none."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, bool] = {}
        self._needing: dict[str, frozenset[str]] = {}

    def covers(self, name: str) -> bool:
        """Say whether a file below a folder that is imported from, such as `responses/api.py`, is of one."""
        package = package_of(name)
        if package not in self._known:
            self._known[package] = self._is_one(package)
        return self._known[package]

    def that_need(self, name: str) -> frozenset[str]:
        """Return the imported packages of test doubles that require the distribution of a file."""
        package = package_of(name)
        if package not in self._needing:
            wanted = {_normal(dist.metadata["Name"] or "") for dist in _installers_of(package)}
            self._needing[package] = frozenset(
                each
                for folder in dict.fromkeys(sys.path)
                for each, dists in _installers(folder).items()
                if each in sys.modules and not wanted.isdisjoint(_needed_by(dists)) and self.covers(each)
            )
        return self._needing[package]

    def _is_one(self, package: str) -> bool:
        if not _is_installed_as_one(package):
            return False
        return not importers(self._root, {package: frozenset()}, but=is_of_tests)


def _is_installed_as_one(package: str) -> bool:
    """Say whether all that installs a package is for test doubles.

    Most packages have the name of their distribution, which answers for them where it is no such library.
    The others are looked for in all that is installed, which takes longer.
    """
    with suppress(PackageNotFoundError):
        namesake = distribution(package)
        if package in _packages(namesake) and not is_for_doubles(namesake):
            return False
    found = _installers_of(package)
    return bool(found) and all(map(is_for_doubles, found))


def _installers(folder: str) -> Mapping[str, Sequence[Distribution]]:
    """Return the distributions in a folder that is imported from, by the packages that they install."""
    try:
        changed_ns = Path(folder or ".").stat().st_mtime_ns
    except (OSError, ValueError):  # an archive has none, and a folder need not exist
        changed_ns = 0
    return _installers_at(folder, changed_ns)


@lru_cache(maxsize=32)
def _installers_at(folder: str, _changed_ns: int) -> Mapping[str, Sequence[Distribution]]:
    """Read all that is installed in a folder; the answer is kept until the folder changes."""
    found: dict[str, list[Distribution]] = {}
    for dist in distributions(path=[folder]):
        for package in _packages(dist):
            found.setdefault(package, []).append(dist)
    return found


def _installers_of(package: str) -> list[Distribution]:
    """Return the distributions that install a package."""
    return [dist for folder in dict.fromkeys(sys.path) for dist in _installers(folder).get(package, ())]


def _needed_by(dists: Iterable[Distribution]) -> Iterator[str]:
    """Yield the names of what distributions require, whatever extras are asked for."""
    for dist in dists:
        for line in dist.requires or ():
            if "extra ==" not in line and (found := _NAME.match(line)):
                yield _normal(found[0])


def _normal(name: str) -> str:
    """Return the name of a distribution as its index knows it.

    >>> _normal("Sorted_Containers")
    'sorted-containers'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _packages(dist: Distribution) -> frozenset[str]:
    """Return the packages that a distribution has files in: what it declares, or what its files say."""
    declared = dist.read_text("top_level.txt")
    if declared:
        return frozenset(declared.split())
    return frozenset(_OUTERMOST.findall(dist.read_text("RECORD") or ""))


def is_for_doubles(about: Distribution) -> bool:
    """Say whether a distribution's classifiers, keywords or summary call it a library of test doubles."""
    said = about.metadata
    if any(each.startswith(_FOR_TESTS) for each in said.get_all("Classifier") or ()):
        return True
    keywords = re.split(r"[\s,;]+", (said.get_all("Keywords") or [""])[0].lower())
    return not _KEYWORDS.isdisjoint(keywords) or bool(_SUMMARY.search((said.get_all("Summary") or [""])[0]))


def is_of_tests(file: str) -> bool:
    """Say whether a file of a project, named from its root, is of its tests and not of its program.

    >>> is_of_tests("tests/doubles.py"), is_of_tests("shop/conftest.py"), is_of_tests("shop/cart.py")
    (True, True, False)
    """
    path = PurePosixPath(file)
    is_test = path.name.startswith("test_") or path.name.endswith("_test.py") or path.name == "conftest.py"
    return is_test or not _TEST_FOLDERS.isdisjoint(path.parts[:-1])
