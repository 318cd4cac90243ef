"""`memguard selftest`: prove that the gate fails, on a planted growth and a planted leak."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

import pytest_memguard
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.storage.results import read_results

_TIMEOUT_SECONDS = 300
_SHOWN_LINES = 15
_RESULTS = "results.json"


@dataclass(frozen=True, slots=True)
class Probe:
    """A test with a body that is clean, and the one that must be caught, with its outcome."""

    name: str
    marker: str
    clean: str
    planted: str
    outcome: Outcome


PROBES = (
    Probe("growth", "memguard", "kept = bytes(1 << 20)", "kept = bytes(3 << 20)", Outcome.GREW),
    Probe(
        "leak", "memguard(leaks=True)", "HELD[:] = [bytes(2000)]", "HELD.append(bytes(2000))", Outcome.LEAKED
    ),
)

_TEST_FILE = """\
import pytest

HELD = []


@pytest.mark.{marker}
def test_{name}():
    {body}
"""


@click.command()
@pass_project
def selftest(user: Project) -> int:
    """Plant a growth and a leak in a temporary project, and see that the gate fails for both.

    Runs pytest with this interpreter and touches nothing of the project. Exit code 1 where the
    gate could not be made to fail, or where it failed on unchanged code.
    """
    failures = 0
    with tempfile.TemporaryDirectory(prefix="memguard-selftest-") as name:
        project = Path(name)
        (project / "pyproject.toml").write_text("[tool.pytest.ini_options]\n", encoding="utf-8")
        for probe in PROBES:
            failures += not _probe(user, project, probe)
    if failures:
        user.write(f"{failures} of {len(PROBES)} probes failed: this gate cannot be trusted here.")
        return 1
    user.write(f"The gate fails when it must: {len(PROBES)} of {len(PROBES)} probes.")
    return 0


def _probe(user: Project, project: Path, probe: Probe) -> bool:
    """Take one probe through accepting, passing and failing."""
    steps = (
        ("accepted", probe.clean, ("--memguard-accept",), None),
        ("passes", probe.clean, (), Outcome.OK),
        ("fails", probe.planted, (), probe.outcome),
    )
    for step, body, options, expected in steps:
        file = project / f"test_{probe.name}.py"
        file.write_text(_TEST_FILE.format(marker=probe.marker, name=probe.name, body=body), encoding="utf-8")
        code, output = _run_pytest(project, file, options)
        found = _outcome(project)
        right = code == (1 if step == "fails" else 0) and expected in (None, found)
        if not right:
            user.write(
                f"  {click.style('FAILED', 'red')}  {probe.name}: {_complaint(step, code, found, expected)}"
            )
            user.write(*(f"      {line}" for line in output.splitlines()[-_SHOWN_LINES:]))
            return False
    ok = click.style("ok", "green")
    user.write(f"  {ok}      {probe.name}: unchanged it passes, with it planted: {probe.outcome}")
    return True


def _complaint(step: str, code: int, found: Outcome | None, expected: Outcome | None) -> str:
    ended = f"pytest ended with {code} and the outcome {found or 'none'}"
    if step == "accepted":
        return f"a clean test could not be accepted, {ended}."
    wanted = "0" if step == "passes" else "1"
    return f"{ended}; expected were {wanted} and {expected}."


def _run_pytest(project: Path, file: Path, options: tuple[str, ...]) -> tuple[int, str]:
    (project / _RESULTS).unlink(missing_ok=True)
    command = [sys.executable, "-B", "-m", "pytest", "-p", "pytest_memguard.plugin", "-p", "no:cacheprovider"]
    command += ["--memguard", f"--memguard-json={_RESULTS}", *options, file.name]
    try:
        done = subprocess.run(
            command,
            cwd=project,
            env=_environment(),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, f"pytest did not end within {_TIMEOUT_SECONDS} s"
    return done.returncode, done.stdout + done.stderr


def _environment() -> dict[str, str]:
    """Keep the user's pytest options and plugins out: only memguard is on trial."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    package_parent = str(Path(pytest_memguard.__file__).parents[1])
    path = os.pathsep.join(part for part in (package_parent, kept.get("PYTHONPATH", "")) if part)
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": path}


def _outcome(project: Path) -> Outcome | None:
    try:
        tests = read_results([project / _RESULTS]).tests
    except MemguardError:
        return None
    return tests[0].outcome if len(tests) == 1 else None
