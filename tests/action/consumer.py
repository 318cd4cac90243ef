"""A consumer's project: the files of a small shop, and the workflow that gates it."""

from __future__ import annotations

import json
from collections.abc import Mapping

SHOP = """\
SIZE = {size}

def build(count):
    rows = [bytes(SIZE) for _ in range(count)]
    return rows
"""
TESTS = """\
import pytest
import shop

@pytest.mark.memguard
def test_build():
    assert len(shop.build(200)) == 200
"""
PYPROJECT = '[tool.pytest.ini_options]\npythonpath = ["."]\n'
USES = "pytest-memguard/pytest-memguard@v1"
WORKFLOW = """\
on: [push, pull_request, workflow_run]
permissions: {{contents: read}}
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - uses: {uses}
        id: mg
        with: {inputs}
"""


def shop_files(size: int = 2000, tests: str = TESTS, **more: str) -> dict[str, str]:
    """Return the files of a project whose one guarded test holds 200 rows of `size` bytes."""
    return {
        "shop.py": SHOP.format(size=size),
        "tests/test_shop.py": tests,
        "pyproject.toml": PYPROJECT,
        ".gitignore": "__pycache__/\n.pytest_cache/\n",
        **more,
    }


def workflow(inputs: Mapping[str, str] | None = None, uses: str = USES) -> dict[str, str]:
    """Return a workflow file that runs the action; the inputs are written as JSON, which YAML reads."""
    return {".github/workflows/gate.yml": WORKFLOW.format(uses=uses, inputs=json.dumps(dict(inputs or {})))}
