"""Keeps rendered pages, as the bytes that go out: the catalogue behind them is slow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

MOST_PAGES = 200

_PAGES: OrderedDict[Hashable, bytes] = OrderedDict()


def page_for(key: Hashable, render: Callable[[], str]) -> bytes:
    """Return the page kept under a key, rendered where there is none yet."""
    page = _PAGES.get(key)
    if page is None:
        page = _PAGES[key] = render().encode()
        if len(_PAGES) > MOST_PAGES:
            _PAGES.popitem(last=False)
    return page
