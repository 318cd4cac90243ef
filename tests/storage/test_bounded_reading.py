"""What is not a regular file is refused at once, wherever memguard reads."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_memguard.core.errors import BaselineError, ResultsError, SettingsError
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.bounded_reading import read_regular, read_text
from pytest_memguard.storage.results import read_results
from pytest_memguard.storage.settings_file import load_settings

ENVIRONMENT = "cpython-3.11-linux-x86_64"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.fixture(params=[make_pipe, make_endless], ids=["pipe", "endless"])
def special(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A path at which a pipe that nobody writes to is, or a file that never ends."""
    path = tmp_path / "special"
    request.param(path)
    return path


def test_a_special_file_is_no_baseline(special: Path, tmp_path: Path) -> None:
    store = BaselineStore(tmp_path / "baseline", ENVIRONMENT)
    path = store.path_of("tests/test_a.py")
    path.parent.mkdir(parents=True)
    special.rename(path)
    with pytest.raises(BaselineError, match="it is not a regular file"):
        store.load("tests/test_a.py")


def test_a_special_file_is_no_results(special: Path) -> None:
    with pytest.raises(ResultsError, match="it is not a regular file"):
        read_results([special])


def test_a_special_file_is_no_settings(special: Path, tmp_path: Path) -> None:
    special.rename(tmp_path / "pyproject.toml")
    with pytest.raises(SettingsError, match="it is not a regular file"):
        load_settings(tmp_path)


def test_no_more_than_one_byte_too_many_is_read(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 100)
    assert len(read_regular(tmp_path / "large", 10)) == 11
    assert len(read_regular(tmp_path / "large", 100)) == 100


def test_a_descriptor_is_read_by_no_file_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """eventlet puts a `fdopen` of its own into `os`, whose file closes the descriptor whatever is asked."""
    path = tmp_path / "pyproject.toml"
    path.write_text("[tool.memguard]", encoding="utf-8")
    real = os.fdopen
    monkeypatch.setattr(os, "fdopen", lambda descriptor, mode, **_: real(descriptor, mode))
    assert read_text(path) == "[tool.memguard]"
