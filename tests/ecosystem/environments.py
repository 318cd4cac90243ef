"""Virtual environments of neighbours, made by uv once and kept outside the repository."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(
    os.environ.get("MEMGUARD_ECOSYSTEM_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pytest-memguard", "ecosystem")
)
"""Where the environments are kept; remove it to get the latest releases."""


@cache
def environment(requirements: frozenset[str]) -> Path:
    """Return the folder of an environment with memguard, from this checkout, and the requirements."""
    key = json.dumps([sys.version, str(ROOT), (ROOT / "pyproject.toml").read_text(), *sorted(requirements)])
    folder = CACHE / hashlib.sha256(key.encode()).hexdigest()[:16]
    with _locked(folder):
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _uv("venv", "--quiet", "--python", sys.executable, str(folder))
            _uv("pip", "install", "--quiet", "--python", str(folder), "-e", str(ROOT), *sorted(requirements))
            (folder / "ready").write_text("")
    return folder


def plugins(folder: Path, requirements: Iterable[str]) -> list[str]:
    """Return the modules of the plugins of pytest that the requirements bring themselves."""
    installed = _installed(folder)
    return [
        entry.value
        for name in map(_name, requirements)
        if name in installed
        for entry in installed[name].entry_points
        if entry.group == "pytest11"
    ]


def versions(folder: Path, requirements: Iterable[str]) -> dict[str, str]:
    """Return the installed versions of what was asked for, by name."""
    installed = _installed(folder)
    names = [_name(requirement) for requirement in requirements]
    return {name: installed[name].version for name in names if name in installed}


def _installed(folder: Path) -> dict[str, Distribution]:
    (site,) = folder.glob("lib/python*/site-packages")
    return {
        found.metadata["Name"].lower().replace("_", "-"): found for found in distributions(path=[str(site)])
    }


def _name(requirement: str) -> str:
    for at, letter in enumerate(requirement):
        if not (letter.isalnum() or letter in "-_."):
            return requirement[:at].lower().replace("_", "-")
    return requirement.lower().replace("_", "-")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _uv(*arguments: str) -> None:
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert uv is not None, "uv is not installed, which makes the environments of neighbours: pip install uv"
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run([uv, *arguments], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
