"""Projects for the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import CommandProject


@pytest.fixture(autouse=True)
def alone(without_other_plugins: None) -> None:
    """Let each command's runs start fast."""


@pytest.fixture
def shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandProject:
    """Return a project whose folder is the working directory."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text("")
    (tmp_path / ".memguard").mkdir()
    monkeypatch.chdir(tmp_path)
    return CommandProject(tmp_path, capsys)
