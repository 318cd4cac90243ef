"""Results that anybody may have written: each is read, accepted and shown, or refused in one sentence."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.reports.formats import FORMATS, report_lines
from pytest_memguard.storage.accepting import Acceptance, plan_acceptance, plan_removal
from pytest_memguard.storage.results import read_results, results_text
from tests.fuzz.damage import SEED, damaged, rounds
from tests.reports.made_results import leaked, result, run

NUMBERS: list[Any] = [0, -1, 2**63 - 1, -(2**63), 2**64, 10**30, 10**400, 0.5, -0.0, 1e308, 5e-324]
ODD: list[Any] = [*NUMBERS, None, True, "", "grew", "x" * 30_000, [], {}, [[]], {"peak": 1}, "\ud800", "\x00"]
GOOD = json.loads(results_text(run(result(), leaked())))
GOOD["tests"][1]["leak"]["counts"] = [{"unit": "files", "per_call": 1.5}]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container and key in a JSON value."""
    found: list[tuple[Any, Any]] = []
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for key in keys:
        found += [(value, key), *places(value[key])]
    return found


def show_and_plan(results: RunResults) -> None:
    for name in FORMATS:
        list(report_lines(name, [results], width=80, locate=lambda file: file))
    plan_acceptance(results, {}, Acceptance(everything=True))
    plan_removal(results, {})
    results_text(results)


def is_read(path: Path, text: str) -> bool:
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        results = read_results([path])
    except MemguardError:
        return False  # in one sentence that names the place: tests/storage/test_results.py
    show_and_plan(results)
    return True


def test_any_value_in_any_place_is_shown_or_refused(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    read = 0
    for _ in range(rounds(1_500)):
        value = json.loads(json.dumps(GOOD))
        for _ in range(chance.randint(1, 2)):
            container, key = chance.choice(places(value))
            container[key] = chance.choice(ODD)
        read += is_read(tmp_path / "results.json", json.dumps(value, ensure_ascii=False))
    assert read > 50


def test_any_damage_is_shown_or_refused(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    text = json.dumps(GOOD)
    read = sum(is_read(tmp_path / "results.json", damaged(text, chance)) for _ in range(rounds(500)))
    assert read < rounds(500)
