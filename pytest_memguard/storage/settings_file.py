"""Finds and reads the settings of a project: `pyproject.toml`, or `memguard.yml` where there is none."""

from __future__ import annotations

import importlib
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pytest_memguard.core.errors import SettingsError, cause_of
from pytest_memguard.core.paths import BASELINE_PATH
from pytest_memguard.core.settings import Settings, settings_from
from pytest_memguard.storage.bounded_reading import UnreadableTextError, read_text

PYPROJECT = "pyproject.toml"
MEMGUARD_YML = "memguard.yml"
_WRITTEN = ".memguard"
_BASELINE = "baseline"
_TABLE = re.compile(r"^\s*\[+\s*tool\.memguard\b", re.MULTILINE)
_TOML_LINE = re.compile(r"at line (\d+)")


def find_root(start: Path) -> Path:
    """Return the folder of a project as pytest saw it, where a run left `.memguard`: upwards, else one below.

    Before any run it is the nearest folder upwards that holds a settings file, else `start`.
    """
    start = start.resolve()
    above = (start, *start.parents)
    for folder in above:
        if (folder / _WRITTEN).is_dir():
            return folder
    below = [path.parent for depth in ("*", "*/*") for path in start.glob(f"{depth}/{_WRITTEN}")]
    if len(below) == 1:
        return below[0]
    marked = (folder for folder in above for mark in (PYPROJECT, MEMGUARD_YML) if (folder / mark).exists())
    return next(marked, start)


def settings_in(folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder that hold settings of memguard, whether or not anything reads them."""
    found = [folder / MEMGUARD_YML] if (folder / MEMGUARD_YML).is_file() else []
    pyproject = folder / PYPROJECT
    if pyproject.is_file() and _TABLE.search(pyproject.read_text(encoding="utf-8", errors="replace")):
        found.insert(0, pyproject)
    return tuple(found)


def load_settings(root: Path) -> Settings:
    """Read `[tool.memguard]` of pyproject.toml, else `memguard.yml`; defaults where neither says anything.

    Raises `SettingsError` with the file, and the line where it cannot be read.
    """
    if (root / PYPROJECT).exists():
        return _from_pyproject(root / PYPROJECT)
    if (root / MEMGUARD_YML).exists():
        return _from_yml(root / MEMGUARD_YML)
    return Settings(written={})


def settings_of_commit(files: Mapping[str, bytes | None]) -> Settings:
    """Read the settings files of another commit, given by their names; None stands for a missing one.

    Raises `SettingsError` as `load_settings` does.
    """
    with tempfile.TemporaryDirectory(prefix="memguard-") as folder:
        for name, content in files.items():
            if content is not None:
                Path(folder, name).write_bytes(content)
        return load_settings(Path(folder))


def baseline_dir_in(pyproject: str | None, memguard_yml: str | None) -> str:
    """Return the baseline folder that the texts of settings files name, of any version of memguard.

    What else they say is not read. Raises `ValueError` where they cannot be read.
    """
    table: object = {}
    if pyproject is not None:
        may_name_it = _BASELINE in pyproject or "\\" in pyproject  # in a key that is written with escapes
        table = _table_in(pyproject) if may_name_it else {}
    elif memguard_yml is not None:
        from pytest_memguard.storage.yaml_reading import UnreadableYamlError, read_yaml  # noqa: PLC0415 - most projects have no such file

        try:
            table = read_yaml(memguard_yml)
        except UnreadableYamlError as error:
            raise ValueError(error.problem) from error
    named = table.get(_BASELINE) if isinstance(table, dict) else None
    return named if isinstance(named, str) else BASELINE_PATH


def _table_in(pyproject: str) -> object:
    """Return what the text of a pyproject.toml has as `[tool.memguard]`; raises `ValueError`."""
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    tool = toml.loads(pyproject).get("tool", {})
    return tool.get("memguard", {}) if isinstance(tool, dict) else {}


def _from_pyproject(path: Path) -> Settings:
    text = _text(path)
    try:
        table = _table_in(text)
    except ValueError as error:
        line = _TOML_LINE.search(str(error))
        raise SettingsError(
            f"{path}:{line.group(1) if line else 1}: is not TOML: {error}. Correct the line, then run again."
        ) from error
    except RecursionError:
        raise SettingsError(f"{path}:1: is nested too deeply to be read as TOML.") from None
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: memguard is {table!r}; accepted is a table, [tool.memguard].")
    return settings_from(table, PYPROJECT if table else "")


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
        return read_text(path)
    except UnreadableTextError as error:
        raise SettingsError(
            f"{path}:{error.line}: {error.problem}. Save it as text in UTF-8, then run again."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read: {cause_of(error)}. Make it readable, then run again."
        ) from error
