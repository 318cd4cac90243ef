"""The jobs of this project, a word each: `./run` lists them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14", "3.15"]
NEWER_PYTHONS = ["3.14", "3.15"]
UNIT_TESTS = [
    "tests/orders",
    "--doctest-modules",
    "pytest_memguard",
    "tests/unit",
    "tests/meters",
]
"""Those of the orders wait for limits of time: first, so that others run beside them."""
EDGE_TESTS = ["tests/fuzz", "tests/storage", "tests/reports", "tests/cli"]
"""What shows, reads and writes: the same code on every Python, so that the main one is enough."""
PLUGIN_TESTS = ["tests/plugin", "tests/leaks"]
MINIMUM_TESTS = [
    f"tests/plugin/test_{name}.py"
    for name in ("gate", "kinds", "marker", "regions", "rerun", "settings_and_options", "stale")
]
"""What touches pytest's own interfaces most; all of the plugin's tests would double the time of a CI run."""
NEWER_TESTS = [
    "tests/plugin/test_leaks.py",
    "tests/plugin/test_isolate.py",
    "tests/leaks/test_explaining.py",
]
"""What a release of Python changes most: reference counts, frames, the collector, the allocators."""
WITHOUT_MEMRAY_TESTS = [
    *MINIMUM_TESTS,
    "tests/plugin/test_platforms.py",
    "tests/storage",
    "tests/unit/test_platforms.py",
]
"""What must be the same wherever memray is not."""
LOWEST = ["pytest==8.0.2", "pytest-asyncio==0.23.8", "anyio==4.5.2", "pytest-xdist==3.6.1", "memray==1.19.1"]

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True


def _offer_pyenv_pythons() -> None:
    """Let nox find the interpreters of pyenv; its shims answer only for the version that is selected."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [
        str(path.parent)
        for version in PYTHONS
        for path in sorted(root.glob(f"versions/{version}.*/bin/python"))
    ]
    os.environ["PATH"] = os.pathsep.join([*found, os.environ["PATH"]])
    os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")
    # Where it is set, each of the thousands of processes of the tests compiles all it imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


SIDE_BY_SIDE = ["-n", str((os.cpu_count() or 1) + 1)]
"""One process more than there are cores, since many tests wait for others that they start."""
ALONE = ["--disable-plugin-autoload", "-p", "xdist.plugin", *SIDE_BY_SIDE]
"""For tests that choose the plugins of their runs: those of the environment would make the process of the
tests twice as large, and each run of memguard in it collects its garbage."""


def _first_found(*versions: str) -> str:
    """Return the first of these Pythons that there is, or the one that runs nox: no job is to run nothing."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return next((version for version in versions if shutil.which(f"python{version}")), here)


_offer_pyenv_pythons()
LOWEST_PYTHON = _first_found("3.10")
MAIN_PYTHON = _first_found("3.11")
HIGHEST_PYTHON = _first_found("3.13", "3.12")
TESTS = [
    "lint",
    "types",
    *sorted({f"unit-{version}" for version in (LOWEST_PYTHON, MAIN_PYTHON, HIGHEST_PYTHON)}),
    f"plugin-{MAIN_PYTHON}",
    "minimums",
    "newer(3.14)",
    "neighbours",
    "docs",
    "action",
]
"""The jobs of `./run tests`."""
nox.options.sessions = TESTS


def _install(session: nox.Session, *groups: str) -> None:
    """Install the project and dependency groups; each interpreter gets its own environment."""
    project = nox.project.load_toml("pyproject.toml")
    requirements = [name for group in groups for name in nox.project.dependency_groups(project, group)]
    session.install("-e", ".", *requirements)


@nox.session(python=MAIN_PYTHON)
def lint(session: nox.Session) -> None:
    """Check formatting and style."""
    _install(session, "lint")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session(python=MAIN_PYTHON)
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    _install(session, "types")
    session.run("mypy")


@nox.session(python=PYTHONS)
def unit(session: nox.Session) -> None:
    """Run the tests of the wings beside pytest, on one Python or, without `-p`, on all there are."""
    _install(session, "test")
    tests = [*UNIT_TESTS, *(EDGE_TESTS if session.python == MAIN_PYTHON else [])]
    session.run("pytest", *ALONE, *(session.posargs or tests))


@nox.session(python=PYTHONS)
def plugin(session: nox.Session) -> None:
    """Run the tests of the plugin and of the leak check."""
    _install(session, "test")
    if session.posargs:
        session.run("pytest", *ALONE, *session.posargs)
        return
    for tests in PLUGIN_TESTS:
        # The leak check reads the whole process, so hundreds of earlier test sessions in it are kept away.
        session.run("pytest", *ALONE, tests)


@nox.session(python=LOWEST_PYTHON)
def minimums(session: nox.Session) -> None:
    """Run those of the plugin's tests that touch pytest most on the lowest versions that are supported."""
    _install(session, "test")
    session.install(*LOWEST)
    # The lowest pytest has no option for what `ALONE` does.
    environ = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    session.run(
        "pytest", "-p", "xdist.plugin", *SIDE_BY_SIDE, *(session.posargs or MINIMUM_TESTS), env=environ
    )


@nox.session(venv_backend="none")
@nox.parametrize("version", NEWER_PYTHONS, ids=NEWER_PYTHONS)
def newer(session: nox.Session, version: str) -> None:
    """Run what a release of Python changes most on one that the machine may not have: `newer(3.14)`.

    Debian's binaries stand in for one that is not on the PATH; where they cannot, the session is skipped and
    says so.
    """
    found = subprocess.run(
        ["bash", "tools/newer_python.sh", version], stdout=subprocess.PIPE, text=True, check=False
    )
    if found.returncode:
        session.skip(f"nothing was tested on CPython {version}: it cannot be had here, as said above")
    python = Path(found.stdout.strip())
    folder = Path(".nox", f"newer-{version}").absolute()
    env = {"VIRTUAL_ENV": str(folder), "CPATH": str(python.parents[2] / "include")}
    session.run(
        "uv", "venv", "--quiet", "--allow-existing", "--python", str(python), str(folder), external=True
    )
    project = nox.project.load_toml("pyproject.toml")
    requirements = nox.project.dependency_groups(project, "test")
    session.run("uv", "pip", "install", "--quiet", "-e", ".", *requirements, env=env, external=True)
    arguments = session.posargs or NEWER_TESTS
    session.run(str(folder / "bin/python"), "-m", "pytest", *ALONE, *arguments, external=True)


@nox.session(python=MAIN_PYTHON)
def tracemalloc(session: nox.Session) -> None:
    """Run the tests that need no memray where there is none, as on Windows or PyPy."""
    _install(session, "test")
    session.run("uv", "pip", "uninstall", "--quiet", "memray", "pytest-memray")
    session.run("pytest", *SIDE_BY_SIDE, *(session.posargs or WITHOUT_MEMRAY_TESTS))


@nox.session(python=MAIN_PYTHON)
def neighbours(session: nox.Session) -> None:
    """Try memguard beside the plugins and libraries that most test suites use."""
    _install(session, "test")
    session.run("pytest", *ALONE, "--dist=loadgroup", *(session.posargs or ["tests/ecosystem"]))


@nox.session(python=MAIN_PYTHON)
def ecosystem(session: nox.Session) -> None:
    """Try memguard beside every neighbour, and write the table of docs/reference/compatibility.md anew."""
    _install(session, "test")
    environ = {
        "MEMGUARD_ECOSYSTEM": "all",
        "MEMGUARD_ECOSYSTEM_TABLE": "docs/reference/compatibility.md",
    }
    session.run("pytest", *ALONE, "--dist=loadgroup", *(session.posargs or ["tests/ecosystem"]), env=environ)


@nox.session(python=MAIN_PYTHON)
def action(session: nox.Session) -> None:
    """Run the action, its linters and its workflows."""
    _install(session, "action")
    session.run("pytest", *SIDE_BY_SIDE, *(session.posargs or ["tests/action"]))


@nox.session(python=MAIN_PYTHON)
def docs(session: nox.Session) -> None:
    """Run every example and check the documentation against the code."""
    _install(session, "examples")
    session.run("pytest", *SIDE_BY_SIDE, *(session.posargs or ["tests/examples", "tests/docs"]))


@nox.session(python=MAIN_PYTHON)
def bench(session: nox.Session) -> None:
    """Print the figures of the benchmarks; takes some minutes."""
    _install(session, "bench")
    for name in ("overhead", "scale", "leaks", "races"):
        session.run("python", "-m", f"benchmarks.{name}", *session.posargs)


@nox.session(python=MAIN_PYTHON)
def demo(session: nox.Session) -> None:
    """Show the main job on an example: a guard that passes, then catches a growth."""
    session.install("-e", ".")
    session.chdir("examples/first-baseline")
    session.run("python", "demo.py")
