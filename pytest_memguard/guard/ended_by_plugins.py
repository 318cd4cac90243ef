"""What plugins end in hooks around a test's call or its tear-down, which a repetition does not reach.

A repetition calls the body, and sets fixtures up and tears them down, but it runs no test protocol. The
plugins are known by what they keep; none is imported that the run has not loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def end_what_plugins_end(item: Any) -> None:
    """End what runs of an item left for plugins to end, before the item is torn down between two of them."""
    _close_widgets(item)
    for returned in _returned(item):
        _close_figures(returned, {})


@contextmanager
def widgets_closed(qtbot: Any) -> Iterator[None]:
    """Close the widgets that the block hands to pytest-qt, and none from before it."""
    item = getattr(getattr(qtbot, "_request", None), "node", None)
    before = getattr(item, "qt_widgets", None)
    if item is not None:
        item.qt_widgets = []
    try:
        yield
    finally:
        if item is not None:
            _close_widgets(item)
            item.qt_widgets = [] if before is None else before


def returns_figures(item: Any) -> bool:
    """Say whether pytest-mpl closes the figure that a test returns."""
    marker = getattr(item, "get_closest_marker", lambda _name: None)("mpl_image_compare")
    return marker is not None and bool(_returned(item))


@contextmanager
def figures_closed(item: Any) -> Iterator[None]:
    """Close the figure that the block returns to pytest-mpl, which still gets to see the one from before."""
    before = [(returned, dict(returned)) for returned in _returned(item)]
    try:
        yield
    finally:
        for returned, kept in before:
            _close_figures(returned, kept)
            returned.update(kept)


def _close_widgets(item: Any) -> None:
    """Close what pytest-qt closes, and delete what was left to an event loop to delete: none may ever run."""
    close = getattr(sys.modules.get("pytestqt.qtbot"), "_close_widgets", None)
    if close is None or not hasattr(item, "qt_widgets"):
        return
    close(item)
    core = sys.modules["pytestqt.qtbot"].qt_api.QtCore
    core.QCoreApplication.processEvents()
    core.QCoreApplication.sendPostedEvents(None, core.QEvent.Type.DeferredDelete)


def _returned(item: Any) -> list[dict[str, Any]]:
    """Return where pytest-mpl keeps the figures that tests have returned, by the names of the tests."""
    if "pytest_mpl.plugin" not in sys.modules:
        return []
    plugins = item.config.pluginmanager.get_plugins()
    own = (one for one in plugins if type(one).__module__ == "pytest_mpl.plugin")
    return [one.return_value for one in own if isinstance(getattr(one, "return_value", None), dict)]


def _close_figures(returned: dict[str, Any], kept: dict[str, Any]) -> None:
    close = getattr(sys.modules.get("pytest_mpl.plugin"), "close_mpl_figure", None)
    for name, figure in returned.items():
        if close is not None and kept.get(name) is not figure:
            close(figure)
