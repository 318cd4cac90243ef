"""Finds and reads the settings of a project: `pyproject.toml`, or `memguard.yml` where there is none."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

from pytest_memguard.core.errors import SettingsError
from pytest_memguard.core.settings import Settings, settings_from

PYPROJECT = "pyproject.toml"
MEMGUARD_YML = "memguard.yml"
_MARKS = (".memguard", PYPROJECT, MEMGUARD_YML)
_TOML_LINE = re.compile(r"at line (\d+)")


def find_root(start: Path) -> Path:
    """Return the nearest folder upwards that holds `.memguard` or a settings file, else `start`."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if any((folder / mark).exists() for mark in _MARKS):
            return folder
    return start


def load_settings(root: Path) -> Settings:
    """Read `[tool.memguard]` of pyproject.toml, else `memguard.yml`; defaults where neither says anything.

    Raises `SettingsError` with the file, and the line where it cannot be read.
    """
    if (root / PYPROJECT).exists():
        return _from_pyproject(root / PYPROJECT)
    if (root / MEMGUARD_YML).exists():
        return _from_yml(root / MEMGUARD_YML)
    return Settings(written={})


def _from_pyproject(path: Path) -> Settings:
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    text = _text(path)
    try:
        content = toml.loads(text)
    except ValueError as error:
        line = _TOML_LINE.search(str(error))
        raise SettingsError(
            f"{path}:{line.group(1) if line else 1}: is not TOML: {error}. Correct the line, then run again."
        ) from error
    except RecursionError:
        raise SettingsError(f"{path}:1: is nested too deeply to be read as TOML.") from None
    tool = content.get("tool", {})
    table = tool.get("memguard", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: memguard is {table!r}; accepted is a table, [tool.memguard].")
    return settings_from(table, PYPROJECT)


def _from_yml(path: Path) -> Settings:
    from pytest_memguard.storage.yaml_reading import UnreadableYamlError, read_yaml  # noqa: PLC0415 - most projects have no such file

    try:
        content = read_yaml(_text(path))
    except UnreadableYamlError as error:
        raise SettingsError(
            f"{path}:{error.line}: {error.problem}. Correct the line, then run again."
        ) from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path}:1: holds no mapping; accepted are lines such as 'tolerance: 2%'.")
    return settings_from({key: _switches(value) for key, value in content.items()}, MEMGUARD_YML)


def _switches(value: object) -> object:
    """Read `true` and `false` at any depth: baselines have no switches, so `read_yaml` keeps them as text."""
    if isinstance(value, dict):
        return {key: _switches(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_switches(part) for part in value]
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path}:{line}: is not UTF-8. Save it as UTF-8, then run again.") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}.") from error
