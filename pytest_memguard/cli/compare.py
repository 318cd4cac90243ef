"""`memguard compare`: measure this tree and another commit now, and compare them without a baseline."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_memguard.cli.command import Argument, Call, Command, Option
from pytest_memguard.commits.base import RevisionError, measure_base

_TESTS_FAILED = 1


def compare(call: Call) -> int:
    """Measure the commit, then this tree against it; exit code 1 where something grew or failed."""
    revision, *paths = call.texts("revision")
    arguments = call.texts("pytest")

    def execute(further: Sequence[str], folder: Path, environ: Mapping[str, str]) -> int:
        command = [sys.executable, "-m", "pytest", "--memguard", *arguments, *further]
        return subprocess.run(command, cwd=folder, env=dict(environ), check=False).returncode

    with tempfile.TemporaryDirectory(prefix="memguard-compare-") as temporary:
        folder = Path(temporary)
        call.write(f"Measuring {revision} with the tests of this tree …")
        base = measure_base(call.root, revision, paths=paths, into=folder, execute=execute)
        call.write(f"Measuring this tree against {base.commit[:12]} … {base.sentence}".rstrip())
        exit_code = execute([f"--memguard-baseline={folder}", "--", *paths], call.root, os.environ)
    if exit_code not in (0, _TESTS_FAILED):
        raise RevisionError(f"the tests could not run here: pytest ended with exit code {exit_code}.")
    return exit_code


COMMAND = Command(
    help="""Compare this tree with another commit: both are measured here, with this tree's tests.

    REVISION is a branch, tag or commit; what follows it are test paths. Needs no baseline, and
    changes none.
    """,
    run=compare,
    arguments=(Argument("revision", many=True),),
    options=(
        Option("pytest", "A further argument for pytest; may be repeated.", many=True, value="ARGUMENT"),
    ),
)
