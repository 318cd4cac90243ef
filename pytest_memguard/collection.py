"""What was collected: every test there is, and which modules were collected whole."""

from __future__ import annotations

import pytest


class Collection:
    """Watches the collection of one process."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._ids: set[str] = set()
        self._broken: set[str] = set()

    def saw(self, item: pytest.Item) -> None:
        """Remember a test, whether or not it is deselected later."""
        self._ids.add(item.nodeid)

    def reported(self, report: pytest.CollectReport) -> None:
        """Remember a collector that failed or was skipped: its tests may exist all the same."""
        if report.outcome != "passed":
            self._broken.add(report.nodeid.split("::", 1)[0])

    @property
    def ids(self) -> frozenset[str]:
        """The node ids of all tests that were found."""
        return frozenset(self._ids)

    def whole_modules(self) -> tuple[str, ...]:
        """Return the modules whose every test was found; none where the run selects tests."""
        if self._selects():
            return ()
        modules = {test_id.split("::", 1)[0] for test_id in self._ids}
        return tuple(sorted(modules - self._broken))

    def _selects(self) -> bool:
        option = self._config.getoption
        chosen = (
            "keyword",
            "markexpr",
            "deselect",
            "lf",
            "ignore_glob",
            "stepwise",
            "failedfirst",
            "maxfail",
        )
        return any(option(name, default=None) for name in chosen[:4]) or any(
            "::" in arg for arg in self._config.args
        )
