"""Who may import whom, and what a run without memguard loads."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_memguard

PACKAGE = Path(pytest_memguard.__file__).parent
CORE = {
    "errors",
    "units",
    "model",
    "run_results",
    "settings",
    "policy",
    "environment",
    "concurrent_calls",
    "interrupts",
}
DECIDING = {
    "gate",
    "reasons",
    "grown_sites",
    "growth",
    "leak_rate",
    "settling",
    "windows",
    "confirm",
    "accepting",
}
MEASURING = {"meters", "leaks"}
KEEPING = {"storage"}
TELLING = {"reports"}
LAYERS = [
    (CORE, CORE),
    (DECIDING, CORE | DECIDING),
    (MEASURING, CORE | DECIDING | MEASURING),
    (KEEPING, CORE | DECIDING | KEEPING),
    (TELLING, CORE | DECIDING | TELLING),
]
"""Modules, and what they may import: layers go down only."""

THIRD_PARTY = {
    "memray": "meters/memray_api.py",
    "psutil": "leaks/process_memory.py",
    "yaml": "storage/yaml_reading.py",
    "click": "cli/__init__.py",
}
"""The one place where each distribution is imported."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield every module that is imported anywhere in a module, in functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top(path: str) -> str:
    return path.split("/", 1)[0].removesuffix(".py")


def own_imports(tree: ast.Module) -> set[str]:
    names = {name.split(".")[1] for name in imported(tree) if name.startswith("pytest_memguard.")}
    return {name for name in names if (PACKAGE / name).exists() or (PACKAGE / f"{name}.py").exists()}


@pytest.mark.parametrize(("layer", "allowed"), LAYERS, ids=lambda names: "-".join(sorted(names))[:40])
def test_layers_go_down_only(layer: set[str], allowed: set[str]) -> None:
    found = {
        path: sorted(wrong)
        for path, tree in modules()
        if top(path) in layer and (wrong := own_imports(tree) - allowed)
    }
    assert found == {}


def test_the_layers_name_modules_that_exist() -> None:
    there = {top(path) for path, _ in modules()}
    assert there >= CORE | DECIDING | MEASURING | KEEPING | TELLING


@pytest.mark.parametrize(("distribution", "place"), THIRD_PARTY.items())
def test_third_parties_stay_in_their_place(distribution: str, place: str) -> None:
    users = [
        path for path, tree in modules() if distribution in {name.split(".")[0] for name in imported(tree)}
    ]
    assert [path for path in users if not path.startswith(place)] == []


def test_only_the_gate_knows_tolerances_and_limits_of_a_policy() -> None:
    asking = {
        path
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("limit_of", "allowance_bytes")
    }
    assert asking <= {"gate.py", "confirm.py", "policy.py"}


@pytest.mark.parametrize("path", [path for path, _ in modules()])
def test_modules_stay_small(path: str) -> None:
    assert len((PACKAGE / path).read_text(encoding="utf-8").splitlines()) <= 250


FREE = """
import sys
from pathlib import Path
import pytest

class Watch:
    def pytest_unconfigure(self):
        heavy = {"memray", "yaml", "click", "rich", "jinja2", "psutil"}
        Path("loaded.txt").write_text(" ".join(sorted(
            heavy & set(sys.modules) | {name for name in sys.modules if name.startswith("pytest_memguard.")}
        )))

sys.exit(pytest.main(sys.argv[1:], plugins=[Watch()]))
"""


@pytest.mark.parametrize("options", [[], ["--collect-only"], ["--help"], ["--markers"]], ids=str)
def test_a_run_without_memguard_loads_next_to_nothing(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.memguard(max_peak='1 KiB')\ndef test_it(): pass\n"
    )
    command = [sys.executable, "-c", FREE, "-p", "pytest_memguard.plugin", "-q", *options]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    loaded = (tmp_path / "loaded.txt").read_text().split()
    assert [name for name in loaded if "." not in name] == []
    assert set(loaded) == {"pytest_memguard.options", "pytest_memguard.plugin"}


def test_the_type_of_the_fixture_can_be_imported_without_a_meter() -> None:
    code = (
        "import sys; from pytest_memguard import MemguardFixture; "
        "heavy = {'memray', 'yaml', 'click', 'rich', 'jinja2'} & set(sys.modules); "
        "print(MemguardFixture.__name__, sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["MemguardFixture", "[]"]
