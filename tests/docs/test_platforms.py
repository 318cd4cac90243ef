"""Each line of what a platform cannot see is one that a test takes away."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.docs.pages import ROOT, first_column, text_of
from tests.plugin import test_platforms


def test_every_line_is_tried() -> None:
    tried = Path(test_platforms.__file__).read_text(encoding="utf-8")
    assert first_column(text_of("platforms")) == list(test_platforms.PLATFORMS)
    for name in test_platforms.PLATFORMS:
        assert f'on(project, "{name}")' in tried


def test_the_workflow_runs_on_every_platform_that_is_claimed() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    claimed = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    assert "3.10" in claimed
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["platforms"]["strategy"]["matrix"]
    pairs = {(os, python) for os in matrix["os"] for python in matrix["python"]}
    pairs |= {(each["os"], each["python"]) for each in matrix["include"]}
    assert {python for _, python in pairs} >= {*claimed, "3.15", "3.14t", "pypy-3.11"}
    assert {os.rpartition("-")[0] for os, _ in pairs} >= {"ubuntu", "macos", "windows"}
    assert all("alpine" in image for image in workflow["jobs"]["musl"]["strategy"]["matrix"]["image"])
    assert workflow["jobs"]["tracemalloc"]["steps"][-1]["run"] == "./run tracemalloc"


def test_what_the_workflow_tests_is_there() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"\btests/[\w./]+", workflow))
    assert "tests/plugin" in named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
