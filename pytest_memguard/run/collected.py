"""What pytest collected: every test, and which modules were collected completely."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import PurePath, PurePosixPath

import pytest

from pytest_memguard.core.node_ids import split_id, without_region


class Collection:
    """Watches the collection of one process."""

    def __init__(self) -> None:
        self._found: list[pytest.Item] = []
        self._files: set[str] = set()
        self.broken_modules: set[str] = set()
        """Modules that could not be collected, or were skipped as a whole."""
        self.failed_modules: set[str] = set()
        """Modules that could not be collected, for which pytest itself fails."""

    def saw(self, item: pytest.Item) -> None:
        """Remember a test, whether or not it is deselected later."""
        self._found.append(item)

    def reported(self, report: pytest.CollectReport) -> None:
        """Remember files, and collectors that failed or were skipped: their tests may exist nevertheless."""
        module = split_id(report.nodeid)[0]
        if report.outcome != "passed":
            self.broken_modules.add(module)
            if report.failed:
                self.failed_modules.add(module)
        elif PurePosixPath(module).suffix:
            self._files.add(module)

    @property
    def ids(self) -> frozenset[str]:
        """The node ids of all tests that were found."""
        return frozenset(item.nodeid for item in self._found)

    @property
    def modules(self) -> frozenset[str]:
        """All modules that were met, also those that could not be collected."""
        return frozenset(self._files | self.broken_modules)

    def whole_modules(self) -> tuple[str, ...]:
        """Return the modules whose every test was found, even if none."""
        return tuple(sorted(self._files - self.broken_modules))

    def left_out(self, items: Iterable[pytest.Item]) -> Sequence[pytest.Item]:
        """Return the tests that were found and are not among those that will run."""
        staying = set(items)
        return [item for item in self._found if item not in staying]


def lines_of(items: Iterable[pytest.Item], results: AbstractSet[str]) -> dict[str, int]:
    """Return the lines of the tests that results are about, as far as they stand in the file of their id."""
    of_results = results | {without_region(test_id) for test_id in results}
    lines = {}
    for item in items:
        if item.nodeid in of_results:
            file, line, _ = item.location
            if line is not None and PurePath(file).as_posix() == split_id(item.nodeid)[0]:
                lines[item.nodeid] = line + 1
    return lines
