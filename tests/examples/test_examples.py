"""Each example runs by its one command, and prints what its README says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.usefixtures("without_other_plugins")
@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/demo.py")))
def test_example_does_what_its_readme_says(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "demo.py", "--check"],
        cwd=EXAMPLES / name,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len((EXAMPLES / name / "README.md").read_text(encoding="utf-8").splitlines()) <= 100
