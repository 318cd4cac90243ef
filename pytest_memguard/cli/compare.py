"""`memguard compare`: measure this tree and another commit now, and compare them without a baseline."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.commits.git import RevisionError
from pytest_memguard.commits.measured_base import measure_base

_TESTS_FAILED = 1


@click.command()
@click.argument("revision")
@click.argument("paths", nargs=-1)
@click.option(
    "--pytest",
    "arguments",
    multiple=True,
    metavar="ARGUMENT",
    help="A further argument for pytest; may be repeated.",
)
@pass_project
def compare(project: Project, revision: str, paths: tuple[str, ...], arguments: tuple[str, ...]) -> int:
    """Compare this tree with another commit: both are measured here, with this tree's tests.

    REVISION is a branch, tag or commit; PATHS are test paths. Needs no baseline, and changes
    none.
    """

    def execute(further: Sequence[str], folder: Path, environ: Mapping[str, str]) -> int:
        command = [sys.executable, "-m", "pytest", "--memguard", *arguments, *further]
        return subprocess.run(command, cwd=folder, env=dict(environ), check=False).returncode

    with tempfile.TemporaryDirectory(prefix="memguard-compare-") as temporary:
        folder = Path(temporary)
        project.write(f"Measuring {revision} with the tests of this tree …")
        base = measure_base(project.root, revision, paths=paths, into=folder, execute=execute)
        project.write(f"Measuring this tree against {base.commit[:12]} … {base.sentence}".rstrip())
        exit_code = execute([f"--memguard-baseline={folder}", "--", *paths], project.root, os.environ)
    if exit_code not in (0, _TESTS_FAILED):
        raise RevisionError(
            f"the tests could not run here: pytest ended with exit code {exit_code}. Its output is above."
        )
    return exit_code
