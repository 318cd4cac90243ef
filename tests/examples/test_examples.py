"""Each example runs by its one command, and prints what its README says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_memguard.plugin"}
"""A reader of the example has none of the plugins that the tests of memguard install."""

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/demo.py")))
def test_example_does_what_its_readme_says(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "demo.py", "--check"],
        cwd=EXAMPLES / name,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **ALONE},
    )
    assert done.returncode == 0, done.stderr
    assert len((EXAMPLES / name / "README.md").read_text(encoding="utf-8").splitlines()) <= 100
