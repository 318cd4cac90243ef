"""Which plugins' memory is left out: what each installed distribution is to the tests and to the project."""

from __future__ import annotations

import csv
import importlib
import os
import re
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pytest_memguard.meters.imports import importers

RUNNERS = ("pytest", "pluggy", "execnet", "coverage", "hypothesis", "memray", "ddtrace")
"""Distributions that run or watch tests, whatever plugins they register."""

PLUGIN_GROUP = "pytest11"
"""The group of entry points by which pytest finds its plugins."""

_ASKS_FOR_PYTEST = re.compile(r"Requires-Dist:\s*pytest(?![\w.-])(?!.*;.*\bextra\b)", re.IGNORECASE)
_FOR_PYTEST = "Classifier: Framework :: Pytest"


@dataclass(frozen=True, slots=True)
class Installed:
    """Paths below a folder that is imported from, of packages (`pytest_cov`) and modules (`py.py`)."""

    harness: frozenset[str]
    project: frozenset[str]
    runners: frozenset[str]
    """The part of the harness that is in `RUNNERS`, and never a project's own by mistake."""
    imported: Mapping[str, str] = field(default_factory=dict)
    """Packages that bring a plugin along and count for the test, each with a file that imports it."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A distribution of the harness: its name, what it was installed from, and its paths.

    `plugin` are the paths of the modules that pytest loads. `may_be_used` says that it does not call itself
    a plugin of pytest, and may be a library as well.
    """

    name: str
    source: Path | None
    paths: frozenset[str]
    plugin: frozenset[str] = frozenset()
    may_be_used: bool = False


def installed_for(root: Path) -> Installed:
    """Tell the harness from the project at `root`, which may be a plugin itself.

    The project is what its own file calls so, or what was installed from its folder.
    """
    names = _project_names(root)
    known = _harness(tuple(sys.path))
    own = [each for each in known if each.name in names or _is_from(each.source, root)]
    project = {path for each in own for path in each.paths}
    for name in names - {each.name for each in own}:
        with suppress(PackageNotFoundError):
            project |= packages_of(distribution(name))
    others = [each for each in known if each not in own]
    used = _used(root, [each for each in others if each.may_be_used])
    return Installed(
        harness=frozenset(
            path for each in others for path in (each.plugin if each.name in used else each.paths)
        ),
        project=frozenset(project),
        runners=frozenset(path for each in known if each.name in RUNNERS for path in each.paths),
        imported=used,
    )


def _used(root: Path, known: Iterable[_Known]) -> dict[str, str]:
    """Return the distributions that the project imports beside their plugin, each with a file that does."""
    plugins = {
        _module(path): frozenset(map(_module, each.plugin))
        for each in known
        for path in each.paths - each.plugin
    }
    found = importers(root, plugins) if plugins else {}
    names = {_module(path): each.name for each in known for path in each.paths}
    return {names[package]: file for package, file in found.items()}


def _module(path: str) -> str:
    """Return the name of the module or package that a path is of."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def covers(paths: Iterable[str] | frozenset[str], name: str) -> bool:
    """Say whether a file, or a package around it, is among the paths.

    >>> covers({"pytest_cov", "py.py"}, "pytest_cov/plugin.py"), covers({"pytest"}, "pytestarch/api.py")
    (True, False)
    """
    while name:
        if name in paths:
            return True
        name = name.rpartition("/")[0]
    return False


def paths_of(packages: Iterable[str]) -> frozenset[str]:
    """Return the paths that packages and modules have, as users name them.

    >>> sorted(paths_of(["shop.cache"]))
    ['shop/cache', 'shop/cache.py']
    """
    tails = [name.replace(".", "/") for name in packages]
    return frozenset(path for tail in tails for path in (tail, f"{tail}.py"))


@lru_cache(maxsize=4)
def _harness(_sys_path: tuple[str, ...]) -> tuple[_Known, ...]:
    """Return what is installed of the harness, kept while the same folders are imported from."""
    plugins: dict[str, tuple[Distribution, str, list[EntryPoint]]] = {}
    for point in entry_points(group=PLUGIN_GROUP):
        if point.dist is not None:
            about = _head(point.dist)
            plugins.setdefault(_name_in(about), (point.dist, about, []))[2].append(point)
    found = {name: _plugin(name, dist, about, points) for name, (dist, about, points) in plugins.items()}
    for name in RUNNERS:
        with suppress(PackageNotFoundError):
            dist = distribution(name)
            found[name] = _Known(name, _source(dist), packages_of(dist))
    return tuple(found.values())


def _head(dist: Distribution) -> str:
    """Return the metadata of a distribution without its description, as text: to parse it takes 2 ms each."""
    return (dist.read_text("METADATA") or dist.read_text("PKG-INFO") or "").partition("\n\n")[0]


def _name_in(about: str) -> str:
    r"""Return the name that metadata give, in its one spelling.

    >>> _name_in("Metadata-Version: 2.1\nName: Pytest_Cov\nVersion: 7.0")
    'pytest-cov'
    """
    found = re.search(r"^Name:\s*(\S+)", about, re.MULTILINE | re.IGNORECASE)
    return normalized(found[1]) if found else ""


def _plugin(name: str, dist: Distribution, about: str, points: list[EntryPoint]) -> _Known:
    """Return the paths of a plugin.

    A distribution that is made for pytest is the harness as a whole. A library that brings a plugin along
    is not: there it is the module that pytest loads.
    """
    tails = [point.module.replace(".", "/") for point in points]
    paths = {f"{tail}{end}" for tail in tails for end in (".py", "/__init__.py")}
    paths |= {tail for tail in tails if "/" in tail}
    plugin = frozenset(paths)
    is_for_pytest, is_plugin = _is_for_pytest(about)
    if is_for_pytest:
        packages = packages_of(dist)
        paths |= packages
        # An editable one lists no package; the one around the plugin is what can be known of it.
        paths |= {tail.rpartition("/")[0] or tail for tail in tails if not covers(packages, f"{tail}.py")}
    may_be_used = is_for_pytest and not is_plugin and name not in RUNNERS
    return _Known(name, _source(dist), frozenset(paths), plugin, may_be_used)


def _is_for_pytest(about: str) -> tuple[bool, bool]:
    """Say whether metadata require pytest or name a plugin of it, and whether they do the latter."""
    lines = about.splitlines()
    is_plugin = any(line.strip() == _FOR_PYTEST for line in lines)
    return is_plugin or any(_ASKS_FOR_PYTEST.match(line) for line in lines), is_plugin


def package_of(name: str) -> str:
    """Return the outermost package or module of a file below a folder that is imported from.

    >>> package_of("responses/api.py"), package_of("mongomock.py")
    ('responses', 'mongomock')
    """
    return name.partition("/")[0].removesuffix(".py")


def packages_of(dist: Distribution) -> frozenset[str]:
    """Return the outermost packages and the modules outside packages; a namespace is nobody's own."""
    files = [file for file in _files_of(dist) if not file.startswith("../")]
    folders = {file.removesuffix("/__init__.py") for file in files if file.endswith("/__init__.py")}
    modules = (file for file in files if file.endswith((".py", ".so", ".pyd")))
    return frozenset(_outermost(file, folders) for file in modules)


def _files_of(dist: Distribution) -> list[str]:
    """Return the files that a distribution lists, relative to the folder that it is in.

    The list of a wheel is read as it is: a path object for each of thousands of files takes longer than
    all else that is read here.
    """
    listed = dist.read_text("RECORD")
    if listed:
        return [row[0] for row in csv.reader(listed.splitlines()) if row]
    return [file.as_posix() for file in dist.files or ()]


def _outermost(file: str, folders: Container[str]) -> str:
    """Return the outermost of these folders that a file is in, or else the file.

    >>> _outermost("shop/tests/test_cart.py", {"shop", "shop/tests"}), _outermost("py.py", {"shop"})
    ('shop', 'py.py')
    """
    ends = (at for at, sign in enumerate(file) if sign == "/")
    return next((file[:end] for end in ends if file[:end] in folders), file)


def _source(dist: Distribution) -> Path | None:
    """Return the folder or file that a distribution was installed from, if it was a local one (PEP 610)."""
    url = re.search(r'"url"\s*:\s*"(file:[^"]*)"', dist.read_text("direct_url.json") or "")
    return _path_of(url[1]) if url else None


def _path_of(url: str) -> Path:
    """Return the path of a `file:` URL: `urllib.request` has this too, and loads TLS for it."""
    path = unquote(urlsplit(url).path)
    return Path(path.lstrip("/") if os.name == "nt" else path)


def _is_from(source: Path | None, root: Path) -> bool:
    """Say whether something was installed from a project's folder, or from an archive built below it."""
    if source is None:
        return False
    return root in source.parents or source == root or (source in root.parents and source.is_dir())


def _project_names(root: Path) -> frozenset[str]:
    """Return what the project around `root` calls itself, from its nearest `pyproject.toml` upwards."""
    for folder in (root, *root.parents):
        with suppress(OSError, UnicodeError):
            text = (folder / "pyproject.toml").read_text(encoding="utf-8")
            names = frozenset(_names(text))
            if names:
                return names
    return frozenset()


def _names(text: str) -> Iterator[str]:
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        content = toml.loads(text)
    except (ValueError, RecursionError):
        return  # whoever reads the settings tells of it
    tool = content.get("tool")
    for table in (content.get("project"), tool.get("poetry") if isinstance(tool, dict) else None):
        name = table.get("name") if isinstance(table, dict) else None
        if isinstance(name, str):
            yield normalized(name)


def normalized(name: str) -> str:
    """Return the one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
