# ruff: noqa: E501 -- a table reads better with a case a line
from __future__ import annotations

from pathlib import Path

import pytest

from pytest_memguard.core.errors import SettingsError
from pytest_memguard.core.settings import Settings
from pytest_memguard.storage.settings_file import find_root, load_settings

TOML = """\
[tool.memguard]
tolerance = "2%"
baseline = "memory"
leaks = true
fail_on = ["grew"]
exclude = ["pytest_mock"]

[[tool.memguard.policy]]
tests = "tests/io/*"
max_peak = "64 MiB"
native = false
"""
YML = """\
tolerance: 2%
baseline: memory
leaks: true
fail_on: [grew]
exclude: [pytest_mock]
policy:
- tests: tests/io/*
  max_peak: 64 MiB
  native: false
"""


def test_pyproject_and_yml_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "pyproject.toml").write_text(TOML)
    (tmp_path / "b" / "memguard.yml").write_text(YML)
    from_toml, from_yml = load_settings(tmp_path / "a"), load_settings(tmp_path / "b")
    assert (from_toml.source, from_yml.source) == ("pyproject.toml", "memguard.yml")
    for settings in (from_toml, from_yml):
        assert settings.baseline_dir == "memory"
        assert settings.fail_on == ("grew",)
        assert settings.exclude == ("pytest_mock",)
        policy = settings.policy_for("tests/io/test_read.py::test_a")
        assert policy.limits == {"peak": 64 * 1024**2}
        assert policy.leaks
        assert not policy.native
        assert policy.tolerances["peak"].relative == 0.02


@pytest.mark.parametrize("text", ["", "[tool.black]\n", "[tool.memguard]\n", "[project]\nname = 'x'\n"])
def test_a_pyproject_that_says_nothing_leaves_the_defaults(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert load_settings(tmp_path).baseline_dir == Settings().baseline_dir
    assert load_settings(tmp_path).policy_for("t.py::a") == Settings().policy_for("t.py::a")


def test_no_file_leaves_the_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings(written={})


def test_a_pyproject_hides_the_yml(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "memguard.yml").write_text("baseline: memory\n")
    assert load_settings(tmp_path).baseline_dir == Settings().baseline_dir


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("pyproject.toml", b"[tool.memguard]\ntolerance = \n", "{file}:2: is not TOML: "),
        ("pyproject.toml", b"[tool.memguard]\n# \xff\n", "{file}:2: is not UTF-8: invalid start byte at byte 18. Save it as text in UTF-8, then run again."),
        ("pyproject.toml", b"[tool]\nmemguard = 3\n", "{file}: memguard is 3; accepted is a table, [tool.memguard]."),
        ("pyproject.toml", b"x = " + b"[" * 100_000, "{file}:1: is nested too deeply to be read as TOML."),
        ("pyproject.toml", b"[tool.memguard]\nlekas = true\n", "pyproject.toml: [tool.memguard] has no key 'lekas', did you mean 'leaks'?"),
        ("pyproject.toml", b"[tool.memguard]\nleaks = 1\n", "pyproject.toml, [tool.memguard] leaks: 1 is not a switch"),
        ("memguard.yml", b"a: [\n", "{file}:2: is not YAML: "),
        ("memguard.yml", b"- a\n", "{file}:1: holds no mapping; accepted are lines such as 'tolerance: 2%'."),
        ("memguard.yml", b"a: !!python/name:os.system\n", "{file}:1: uses the tag "),
        ("memguard.yml", b"lekas: true\n", "memguard.yml: [tool.memguard] has no key 'lekas', did you mean 'leaks'?"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_read_are_an_error_with_the_file(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    assert message.format(file=path) in str(caught.value)


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(SettingsError, match=r"pyproject\.toml: cannot be read: "):
        load_settings(tmp_path)


@pytest.mark.parametrize("mark", [".memguard", "pyproject.toml", "memguard.yml"])
def test_the_root_is_the_nearest_folder_with_a_mark(tmp_path: Path, mark: str) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    nearest = tmp_path / "a" / "b"
    below = nearest / "c" / "d"
    below.mkdir(parents=True)
    (nearest / mark).mkdir()
    assert find_root(below) == nearest
    assert find_root(nearest) == nearest
    assert find_root(tmp_path / "a") == (nearest if mark == ".memguard" else tmp_path)
