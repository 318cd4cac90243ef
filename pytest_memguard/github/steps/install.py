"""The optional step that installs pytest-memguard into its own environment, on top of the project's."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.github import commands
from pytest_memguard.github.child import run_child
from pytest_memguard.github.inputs import from_json
from pytest_memguard.github.steps import variable

_FOLDERS = """
import json, site, sysconfig
folders = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
print(json.dumps(folders + ([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])))
"""


class InstallError(MemguardError):
    """The requested version cannot be installed."""

    slug = "action-install"


def step() -> int:
    """Install the version and set `python` to the interpreter that has it."""
    inputs = from_json(variable("CONFIG"))
    folder = Path(variable("DIRECTORY")) / "environment"
    python = make_environment(variable("PYTHON"), folder)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    exit_code = run_child([*install, f"pytest-memguard=={inputs.version}"], folder=folder, environ=os.environ)
    if exit_code != 0:
        asked = f"pytest-memguard {inputs.version}"
        raise InstallError(f"{asked} cannot be installed (pip ended with {exit_code}); its output is above.")
    commands.write_outputs({"python": str(python)})
    return 0


def make_environment(python: str, folder: Path) -> Path:
    """Make a virtual environment that also sees the packages of `python`, without changing them.

    pip then installs only what the project lacks. Returns the new interpreter.
    """
    _run([python, "-m", "venv", str(folder)])
    own = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    seen = json.loads(_run([python, "-c", _FOLDERS]))
    site_packages = Path(json.loads(_run([str(own), "-c", _FOLDERS]))[0])
    lines = "".join(f"import site; site.addsitedir({name!r})\n" for name in dict.fromkeys(seen))
    (site_packages / "zz_project.pth").write_text(lines, encoding="utf-8")
    return own


def _run(command: list[str]) -> str:
    run = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if run.returncode != 0:
        raise InstallError(
            f"{' '.join(command[:3])} ended with {run.returncode}: {run.stderr.strip()[-500:]}"
        )
    return run.stdout
