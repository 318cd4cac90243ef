"""The leak check where this platform or interpreter lacks one of its signals, in real runs."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.guarded_project import GuardedProject

BODIES = """
    import itertools, pytest
    pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.3)
    OBJECTS, BYTES, RECENT = [], [], {}
    numbers = itertools.count()

    def test_objects(): OBJECTS.append(object())
    def test_bytes(): BYTES.append(b"x" * 5_000)
    def test_clean():
        RECENT[next(numbers) % 50] = b"x" * 5_000
        [object() for _ in range(20)]
"""
WITHOUT_HEAP = "import psutil\nif hasattr(psutil, 'heap_info'): del psutil.heap_info\n"


def leaks(project: GuardedProject) -> dict[str, dict[str, Any]]:
    run = project.spawn()
    assert run.outcomes() == {"test_objects": "leaked", "test_bytes": "leaked", "test_clean": "no-baseline"}
    return {name: result["leak"] for name, result in run.results().items()}


@pytest.mark.parametrize(
    ("conftest", "allocator", "signals"),
    [
        (WITHOUT_HEAP, "pymalloc", ["blocks", "rss"]),
        ("", "malloc", ["heap", "rss"]),
        pytest.param(
            *("", "mimalloc", ["blocks", "rss"]),
            marks=pytest.mark.skipif(sys.version_info < (3, 13), reason="CPython has it from 3.13 on"),
        ),
    ],
    ids=["no heap_info", "no blocks", "not in the heap"],
)
def test_leaks_are_told_from_clean_bodies_by_what_is_left(
    project: GuardedProject, conftest: str, allocator: str, signals: list[str]
) -> None:
    project.write(conftest=conftest, test_it=BODIES)
    project.let(PYTHONMALLOC=allocator)
    found = leaks(project)
    assert {name: leak["signals"] for name, leak in found.items()} == dict.fromkeys(found, signals)
    assert 8 <= found["test_objects"]["bytes_per_call"] <= 64
    assert 4_500 <= found["test_bytes"]["bytes_per_call"] <= 5_700
