"""Finds out which installed packages the files of a project import."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

_NOT_SOURCE = frozenset({"build", "dist", "node_modules", "site-packages", "__pycache__", "venv"})
_MARK_OF_ENVIRONMENT = "pyvenv.cfg"
_LARGEST_BYTES = 4_000_000
_IMPORT = re.compile(
    r"^[ \t]*(?:>>> )?(?:from[ \t]+([\w.]+)[ \t]+import\b(.*)|import[ \t]+([\w., \t]+))", re.MULTILINE
)
_NAME = re.compile(r"\w+")


def importers(
    root: Path, packages: Mapping[str, frozenset[str]], *, but: Callable[[str], bool] = lambda _file: False
) -> dict[str, str]:
    """Return a file of the project for each package that one imports, from the root.

    `packages` maps the name of a package to modules of it that do not count, such as the plugin that pytest
    loads; files that `but` names do not count either. What is imported by a name that is put together while
    the program runs is not found.
    """
    found: dict[str, str] = {}
    for path in _sources(root):
        if but(path.relative_to(root).as_posix()):
            continue
        with suppress(OSError):
            text = path.read_bytes()[:_LARGEST_BYTES].decode("utf-8", "replace")
            for package in packages.keys() - found.keys():
                if package in text and any(_is_in(name, package, packages) for name in _imported(text)):
                    found[package] = path.relative_to(root).as_posix()
        if len(found) == len(packages):
            break
    return found


def _is_in(name: str, package: str, packages: Mapping[str, frozenset[str]]) -> bool:
    plugins = packages[package]
    is_plugin = name in plugins or any(name.startswith(f"{one}.") for one in plugins - {package})
    return f"{name}.".startswith(f"{package}.") and not is_plugin


def _imported(text: str) -> Iterator[str]:
    r"""Yield the modules that a text imports, and what it takes out of them, which may be modules too.

    >>> list(_imported("import a.b as c, d\nfrom e.f import g\n"))
    ['a.b', 'd', 'e.f.g']
    """
    for match in _IMPORT.finditer(text):
        module, names, plain = match.groups()
        if plain is not None:
            yield from (name for part in plain.split(",") for name in part.split()[:1])
        else:
            taken = _NAME.findall(names.partition(" as ")[0])
            yield from (f"{module}.{name}" for name in taken or ["*"])


def _sources(root: Path) -> Iterator[Path]:
    """Yield the Python files of a project, in the same order on every machine, without environments in it."""
    for folder, folders, files in os.walk(root):
        if _MARK_OF_ENVIRONMENT in files:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name[0] not in "._" and name not in _NOT_SOURCE)
        yield from (Path(folder, name) for name in sorted(files) if name.endswith(".py"))
