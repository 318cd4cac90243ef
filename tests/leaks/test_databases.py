"""Which connections of sqlite3 are said to hold what grew."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_memguard.leaks.holders.databases import grown_databases

_ROW = "INSERT INTO visits VALUES ('a page of some forty letters, or a few more')"


@pytest.fixture
def in_memory() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE visits (page TEXT)")
        yield connection


@pytest.fixture
def in_file(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "visits.db")) as connection:
        connection.execute("CREATE TABLE visits (page TEXT)")
        yield connection


def grown(body: Callable[[], object]) -> list[object]:
    def repeat(calls: int) -> None:
        for _ in range(calls):
            body()

    return grown_databases(repeat, 256, least_bytes=4_096, tick=lambda: None)


def test_a_database_in_memory_to_which_each_call_adds_a_row(in_memory: sqlite3.Connection) -> None:
    assert grown(lambda: in_memory.execute(_ROW)) == [in_memory]


def test_rows_that_each_call_deletes_hold_nothing(in_memory: sqlite3.Connection) -> None:
    def body() -> None:
        in_memory.execute(_ROW)
        in_memory.execute("DELETE FROM visits")

    assert grown(body) == []


def test_a_database_in_a_file_holds_no_memory(in_file: sqlite3.Connection) -> None:
    assert grown(lambda: in_file.execute(_ROW)) == []


def test_a_connection_that_a_call_closes_is_passed_over(in_memory: sqlite3.Connection) -> None:
    assert grown(in_memory.close) == []


def test_a_connection_that_no_call_writes_to_is_asked_nothing(in_memory: sqlite3.Connection) -> None:
    asked: list[str] = []
    in_memory.set_trace_callback(asked.append)
    assert grown(list) == []
    assert not asked
