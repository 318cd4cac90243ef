"""A pytest plugin for measuring another commit: records which modules came from that commit's checkout.

If an installed copy or this tree is imported instead, a commit would be compared with itself, and
nothing would ever grow.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType

import pytest

_FILE = "MEMGUARD_ORIGINS_FILE"
_CHECKOUT = "MEMGUARD_ORIGINS_CHECKOUT"
_THIS_TREE = "MEMGUARD_ORIGINS_THIS_TREE"
TEST_FILES = ("test_*.py", "*_test.py", "conftest.py")
_TEST_FOLDERS = frozenset({"test", "tests"})


def noting(file: Path, *, checkout: Path, this_tree: Path) -> dict[str, str]:
    """Return the environment variables that make a run with this plugin write its modules to a file."""
    return {_FILE: str(file), _CHECKOUT: str(checkout), _THIS_TREE: str(this_tree)}


def noted(file: Path) -> tuple[bool, list[str]]:
    """Return whether any process imported code of the checkout, and which modules this tree gave instead."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = [json.loads(line) for line in lines]
    return any(one["own"] for one in found), sorted({name for one in found for name in one["foreign"]})


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Add a line for this process; each worker of pytest-xdist adds its own."""
    path = os.environ.get(_FILE)
    if path:
        line = json.dumps(_origins(sys.modules, Path(os.environ[_CHECKOUT]), Path(os.environ[_THIS_TREE])))
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


def _origins(modules: Mapping[str, ModuleType], checkout: Path, this_tree: Path) -> dict[str, object]:
    files = {name: _file_of(module) for name, module in list(modules.items())}
    own = any(file and checkout in file.parents and not _is_test(file, checkout) for file in files.values())
    foreign = [
        name
        for name, file in files.items()
        if file
        and this_tree in file.parents
        and checkout not in file.parents
        and not _is_installed(name, file)
    ]
    return {"own": own, "foreign": foreign}


def _file_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) else None


def _is_test(file: Path, checkout: Path) -> bool:
    folders = file.relative_to(checkout).parts[:-1]
    return bool(_TEST_FOLDERS & set(folders)) or any(fnmatch(file.name, pattern) for pattern in TEST_FILES)


def _is_installed(name: str, file: Path) -> bool:
    """Say whether a file is in a virtual environment inside the tree, or belongs to memguard itself."""
    return name.partition(".")[0] == "pytest_memguard" or "site-packages" in file.parts
