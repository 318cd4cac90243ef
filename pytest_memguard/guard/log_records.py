"""Drops log records that pytest would keep until a test ends, but the program would not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_memguard.meters import SiteNamer
from pytest_memguard.meters.site_namer import Owner

_NOTED_RECORDS = 1000


class _KeptByNobody(list[logging.LogRecord]):
    """A list of records that stays empty."""

    def append(self, _record: logging.LogRecord) -> None:
        """Let go of a record."""


@contextmanager
def log_records_let_go(item: pytest.Item, namer: SiteNamer) -> Iterator[list[str]]:
    """Keep no record of what the block logs, unless the test may ask for them; the text of the log stays.

    Yields a list that says afterwards how many records were kept nevertheless, if they were many.
    """
    plugin: Any = item.config.pluginmanager.get_plugin("logging-plugin")
    notes: list[str] = []
    if plugin is None:
        yield notes
        return
    handlers = (plugin.caplog_handler, plugin.report_handler)
    if _may_be_asked_for(item, namer):
        before = len(plugin.caplog_handler.records)
        yield notes
        number = len(plugin.caplog_handler.records) - before
        if number >= _NOTED_RECORDS:
            notes.append(f"pytest's `caplog` keeps {number:,} log records until the test ends; they count")
        return
    let_go = _KeptByNobody()
    saved = [(handler, handler.records) for handler in handlers]
    for handler in handlers:
        handler.records = let_go
    try:
        yield notes
    finally:
        for handler, records in saved:
            if handler.records is let_go:
                handler.records = records


def _may_be_asked_for(item: Any, namer: SiteNamer) -> bool:
    """Say whether the test has `caplog`, or code of the project that can ask for any fixture at any time."""
    names = getattr(item, "fixturenames", ())
    if "caplog" in names:
        return True
    if "request" not in names:
        return False
    info = getattr(item, "_fixtureinfo", None)
    if info is None or "request" in info.argnames:
        return True
    fixtures = (fixture for found in info.name2fixturedefs.values() for fixture in found)
    return any("request" in one.argnames and _counts_for_test(one.func, namer) for one in fixtures)


def _counts_for_test(function: Any, namer: SiteNamer) -> bool:
    code = getattr(function, "__code__", None)
    return code is None or namer.classify(code.co_filename)[0] is not Owner.HARNESS
