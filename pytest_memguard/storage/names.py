"""File names of baselines, made from the names of test modules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from urllib.parse import unquote

from pytest_memguard.core.environment import is_environment_key

ENTRIES_SUFFIX = ".yml"
"""What the name of every file of accepted numbers ends with."""

# What no file name may hold somewhere, and `%`, so that every name can be read back; and the first letter of
# a device's name on Windows, which names the device whatever its ending is.
_ENCODED = re.compile(
    r'[%\\:*?"<>|\x00-\x1f\x7f]|[. ]$|^\.{1,2}$|^(?=(?:aux|con|nul|prn|com\d|lpt\d) *(?:\.|$)).',
    re.IGNORECASE,
)


def file_of(module: str) -> Path:
    """Return a module's file relative to its environment's folder, and never outside of it.

    >>> file_of("../tests/test_x.py").as_posix()
    '%2E%2E/tests/test_x.py.yml'
    """
    parts = [_encoded(part) for part in module.split("/")]
    return Path(*parts[:-1], f"{parts[-1]}{ENTRIES_SUFFIX}")


def module_of(file: PurePath) -> str:
    """Return the module whose file this is: the reverse of `file_of`."""
    parts = file.parts
    return "/".join(_decoded(part) for part in (*parts[:-1], parts[-1].removesuffix(ENTRIES_SUFFIX)))


def baseline_files(folder: Path) -> Iterator[Path]:
    """Yield every file of accepted numbers in a folder."""
    return (path for path in folder.rglob(f"*{ENTRIES_SUFFIX}") if path.is_file())


def environments_in(baseline: Path) -> tuple[str, ...]:
    """Return the environments that have a file of accepted numbers, sorted."""
    if not baseline.is_dir():
        return ()
    folders = (path for path in baseline.iterdir() if is_environment_key(path.name))
    return tuple(sorted(path.name for path in folders if any(baseline_files(path))))


def _encoded(part: str) -> str:
    if not part:
        return "%"  # an empty part, as before the first `/` of an absolute path; no other name becomes it
    return _ENCODED.sub(lambda match: "".join(f"%{byte:02X}" for byte in match.group().encode()), part)


def _decoded(part: str) -> str:
    return "" if part == "%" else unquote(part)
