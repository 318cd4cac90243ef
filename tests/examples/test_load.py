"""The load scripts play their outages: memory climbs with the bad change, and only with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PNG = b"\x89PNG"


def figures_of(example: str, picture: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "load.py", "--quick", "--json", "--draw", str(picture)],
        cwd=EXAMPLES / example,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes().startswith(PNG)
    figures: list[dict[str, Any]] = json.loads(done.stdout)
    return figures


def test_cache_that_never_lets_go_takes_memory_until_the_rollback(tmp_path: Path) -> None:
    before, deployment, rollback = figures_of("never-lets-go", tmp_path / "outage.png")
    grown_mib = [
        phase["memory_end_mib"] - phase["memory_start_mib"] for phase in (before, deployment, rollback)
    ]
    assert grown_mib[1] > max(grown_mib[0], grown_mib[2])
    assert 1024 * grown_mib[1] / deployment["requests"] > 8


def test_racing_cache_runs_out_of_memory_and_a_lock_per_key_holds(tmp_path: Path) -> None:
    one_lock, no_lock, lock_per_key = figures_of("racing-cache", tmp_path / "outage.png")
    assert (one_lock["failed"], lock_per_key["failed"]) == (0, 0)
    assert no_lock["failed"] > 0
    assert no_lock["memory_most_mib"] > 20 + max(one_lock["memory_most_mib"], lock_per_key["memory_most_mib"])
