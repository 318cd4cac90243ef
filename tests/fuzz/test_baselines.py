"""Damaged baselines: the quick reader says what the parser says, or leaves it to the parser."""

from __future__ import annotations

import random
from pathlib import Path

from pytest_memguard.core.errors import BaselineError
from pytest_memguard.storage.baseline_quick_reading import read_quickly
from pytest_memguard.storage.baseline_reading import parse_module
from tests.fuzz.damage import SEED, damaged, rounds

BASELINE = """\
# Accepted memory of tests/test_cache.py. Change it with `memguard accept`; review it like code.
format: 1
meter: memray (python allocators traced)
made_with: {python: 3.11.7, memray: "1.20"}
tests:
  test_lookup:
    peak: 2_694_911
    retained: 72
    allocations: 15
    spread: {peak: 512, retained: 3}
    note: LRU grew to 10k entries
    sites:
    - {at: "shop/cache.py:put", peak: 2_100_000, retained: 5}
  "test_other[1 2]":
    peak: 5
"""


def test_a_damaged_baseline_is_read_as_the_parser_reads_it_or_is_an_error() -> None:
    chance = random.Random(SEED)
    quickly = 0
    for _ in range(rounds(3_000)):
        text = damaged(BASELINE, chance)
        quick = read_quickly("tests/test_cache.py", text)
        if quick is None:
            continue
        quickly += 1
        try:
            parsed = parse_module("tests/test_cache.py", text, Path("x.yml"))
        except BaselineError as error:
            raise AssertionError(f"only the quick reader takes this: {error}\n{text}") from error
        assert (quick.entries, quick.meter, quick.made_with) == (
            parsed.entries,
            parsed.meter,
            parsed.made_with,
        ), text
    assert quickly > 100


def test_figures_that_run_together_are_an_error_with_its_place() -> None:
    text = BASELINE.replace("512, retained", "512retained")
    assert read_quickly("tests/test_cache.py", text) is None
