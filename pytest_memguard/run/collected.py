"""What pytest collected: every test, and which modules were collected completely."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

_SELECTING = ("keyword", "markexpr", "deselect", "lf", "stepwise")


class Collection:
    """Watches the collection of one process."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._ids: set[str] = set()
        self._files: set[str] = set()
        self._broken: set[str] = set()

    def saw(self, item: pytest.Item) -> None:
        """Remember a test, whether or not it is deselected later."""
        self._ids.add(item.nodeid)

    def reported(self, report: pytest.CollectReport) -> None:
        """Remember files, and collectors that failed or were skipped: their tests may exist all the same."""
        module = report.nodeid.split("::", 1)[0]
        if report.outcome != "passed":
            self._broken.add(module)
        elif PurePosixPath(module).suffix:
            self._files.add(module)

    @property
    def ids(self) -> frozenset[str]:
        """The node ids of all tests that were found."""
        return frozenset(self._ids)

    def whole_modules(self) -> tuple[str, ...]:
        """Return the modules whose every test was found, even if none; nothing where tests are selected."""
        return () if self._selects() else tuple(sorted(self._files - self._broken))

    def _selects(self) -> bool:
        """Say whether options or arguments name tests: what they leave out is still there."""
        option = self._config.getoption
        return any(option(name, default=None) for name in _SELECTING) or any(
            "::" in arg for arg in self._config.args
        )
