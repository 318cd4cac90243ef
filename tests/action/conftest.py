"""A consumer's project with an accepted baseline, and a way to run the action on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.action.act_runner import ROOT, ActRun, make_repository, run_act, write_files
from tests.action.consumer import shop_files, workflow
from tests.action.fake_api import FakeGitHub, serving
from tests.action.programs import found

RunAction = Callable[..., ActRun]


@pytest.fixture(scope="session")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the action as a user gets it; skips without act, and fails without it in CI."""
    found("act")
    folder = tmp_path_factory.mktemp("action")
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "pytest_memguard", folder / "pytest_memguard", ignore=skip)
    shutil.copytree(ROOT / "accept", folder / "accept")
    shutil.copy(ROOT / "action.yml", folder / "action.yml")
    return folder


@pytest.fixture(scope="session")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The baseline files of the project as it is with rows of 2,000 bytes."""
    folder = tmp_path_factory.mktemp("accepted")
    write_files(folder, shop_files())
    command = [sys.executable, "-m", "pytest", "-q", "--memguard-accept", "-p", "no:cacheprovider"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=clean_environment())
    found = folder.glob(".memguard/baseline/**/*.yml")
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}


def clean_environment() -> dict[str, str]:
    """Return an environment without what an outer pytest run leaves in it."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "CI"))
    }


@pytest.fixture
def run_action(tmp_path: Path, action: Path) -> RunAction:
    """Run the action on a repository made of files; inputs go into the workflow's `with:`."""

    def run(
        files: Mapping[str, str], inputs: Mapping[str, str] | None = None, *, name: str = "run", **more: Any
    ) -> ActRun:
        repository = tmp_path / f"{name}-repo"
        make_repository(repository, {**workflow(inputs), **files})
        return run_act(tmp_path / name, repository, action=more.pop("action", action), **more)

    return run


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    """A GitHub on loopback."""
    with serving(FakeGitHub()) as fake:
        yield fake


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory, bare_python: Path) -> Path:
    """The package as a user's pip would get it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [str(bare_python), "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with nothing installed but pip."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="session")
def project_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has what is installed here, except for memguard itself."""
    folder = tmp_path_factory.mktemp("project")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "memguard" not in path.name and path.suffix != ".pth":
            (site_packages / path.name).symlink_to(path)
    return folder / "bin" / "python"
