"""The wings of the package: who may import whom, which third parties live where, what a plain run loads."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import pytest_memguard

NAME = "pytest_memguard"
PACKAGE = Path(pytest_memguard.__file__).parent

WINGS: dict[str, set[str]] = {
    "core": set(),
    "gate": {"core"},
    "meters": {"core"},
    "storage": {"core"},
    "commits": {"core", "storage"},
    "leaks": {"core", "meters"},
    "orders": {"core"},
    "reports": {"core", "gate"},
    "guard": {"core", "gate", "meters", "leaks", "orders", "storage"},
    "run": {"core", "guard", "meters", "reports", "storage"},
    "cli": {"core", "gate", "meters", "storage", "commits", "reports"},
    "github": {"core", "storage", "reports", "commits"},
}
"""Each wing, and the wings beside itself that it may import."""

ENTRANCES = {"__init__", "plugin"}
"""The only modules outside every wing: they load a wing when it is asked for."""

THIRD_PARTY = {
    "memray": "meters/memray_tracker.py",
    "psutil": "leaks/process_memory.py",
    "yaml": "storage/yaml_reading.py",
    "click": "cli/",
    "jinja2": "reports/",
}
"""The one place where each distribution is imported."""

MOST_LINES = 400


@dataclass
class Module:
    """What a module of the package imports anywhere, in functions and for type checking too, and asks for."""

    path: str
    lines: int
    imported: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)


@cache
def modules() -> dict[str, Module]:
    """Return every module, by its dotted name within the package; reading them all takes a second."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = _read(path)
    return found


def _read(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    module = Module(path.relative_to(PACKAGE).as_posix(), len(text.splitlines()))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            module.imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            module.imported |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute):
            module.attributes.add(node.attr)
    return module


def own_imports() -> dict[str, set[str]]:
    """Return the modules of the package that each of its modules imports."""
    there = modules()
    return {
        name: {short for full in module.imported if (short := full.removeprefix(f"{NAME}.")) in there}
        - {name}
        for name, module in there.items()
    }


def wing(module: str) -> str:
    return module.split(".", 1)[0]


def test_every_module_is_in_a_wing() -> None:
    assert {wing(name) for name in modules()} <= set(WINGS) | ENTRANCES


def test_a_wing_imports_only_the_wings_below_it() -> None:
    wrong = {
        name: sorted(beyond)
        for name, names in own_imports().items()
        if name not in ENTRANCES
        and (beyond := {other for other in names if wing(other) not in WINGS[wing(name)] | {wing(name)}})
    }
    assert wrong == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        name: {
            other for other in names if not name.startswith(f"{other}.")
        }  # a package's face may be inside it
        for name, names in own_imports().items()
    }
    assert graph.keys() <= {*TopologicalSorter(graph).static_order()}  # or CycleError, with the circle


def test_no_wings_import_each_other_in_a_circle() -> None:
    assert {*TopologicalSorter(WINGS).static_order()} == set(WINGS)


def test_the_picture_of_the_wings_shows_what_they_may_import() -> None:
    picture = PACKAGE.parent / "docs/contributing/architecture.md"
    arrows = {
        (one, other)
        for ones, others in re.findall(
            r"^    ([\w &]+) --> ([\w &]+)$", picture.read_text(encoding="utf-8"), re.MULTILINE
        )
        for one in ones.split(" & ")
        for other in others.split(" & ")
    }
    assert {(one, other) for one, other in arrows if other not in WINGS[one]} == set()
    reached = set(arrows)
    for _ in WINGS:  # what an arrow leads to may be imported, and so on
        reached |= {(one, last) for one, middle in reached for first, last in arrows if first == middle}
    assert reached >= {(one, other) for one, others in WINGS.items() for other in others}


def test_every_place_that_the_page_of_the_wings_names_is_there() -> None:
    page = (PACKAGE.parent / "docs/contributing/architecture.md").read_text(encoding="utf-8")
    named = {one for one in re.findall(r"`([\w/]+/(?:\w+\.py)?)`", page) if wing(one.split("/")[0]) in WINGS}
    assert len(named) > len(WINGS)
    assert {one for one in named if not (PACKAGE / one).exists()} == set()


@pytest.mark.parametrize(("distribution", "place"), THIRD_PARTY.items())
def test_third_parties_stay_in_their_place(distribution: str, place: str) -> None:
    users = {
        module.path
        for module in modules().values()
        if distribution in {name.split(".")[0] for name in module.imported}
    }
    assert {path for path in users if not path.startswith(place)} == set()


def test_only_the_gate_asks_a_policy_for_its_tolerances_and_limits() -> None:
    asking = {
        name for name, module in modules().items() if module.attributes & {"limit_of", "allowance_bytes"}
    }
    assert {wing(name) for name in asking} <= {"gate", "core"}


def test_modules_stay_small() -> None:
    assert {one.path: one.lines for one in modules().values() if one.lines > MOST_LINES} == {}


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
    always = {"core", "core.meters", "core.options", "core.paths", "plugin"}
    asked = {"core.readers", "core.errors", "core.metrics", "core.policy", "core.tolerance", "core.units"}
    expected = always | asked if "--markers" in options else always
    assert set(loaded) == {f"pytest_memguard.{name}" for name in expected}


def test_the_type_of_the_fixture_can_be_imported_without_a_meter() -> None:
    code = (
        "import sys; from pytest_memguard import MemguardFixture; "
        "heavy = {'memray', 'yaml', 'click', 'rich', 'jinja2'} & set(sys.modules); "
        "print(MemguardFixture.__name__, sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["MemguardFixture", "[]"]
