"""The measuring step: runs pytest once, again for tests that grew, or on two commits."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_memguard.commits.measured_base import Execute, measure_base
from pytest_memguard.core.environment import environment_key
from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults, TestResult
from pytest_memguard.github import commands
from pytest_memguard.github.child import run_child
from pytest_memguard.github.failures import FAILURES_FILE
from pytest_memguard.github.inputs import Inputs, from_json
from pytest_memguard.github.status import Measured
from pytest_memguard.github.steps import variable, workspace
from pytest_memguard.github.workspace import FILE_NAME
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.results import read_results, write_results
from pytest_memguard.storage.settings_file import find_root, load_settings


def step() -> int:
    """Measure, unless results of other jobs are given; the exit code is an output."""
    inputs = from_json(variable("CONFIG"))
    if inputs.results:
        commands.write_outputs({"exit-code": "0", "tests-failed": "0"})
        return 0
    measured = measure(inputs, workspace=workspace(), directory=Path(variable("DIRECTORY")))
    commands.write_outputs(
        {
            "exit-code": str(measured.exit_code),
            "tests-failed": "" if measured.tests_failed is None else str(measured.tests_failed),
            "base-commit": measured.base_commit,
        }
    )
    return 0


_MOST_RERUN_TESTS = 100
_NOT_FOUND = 4
_MODE_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "check": (),
    "advisory": ("--memguard-advisory",),
    "record": ("--memguard-accept",),
}


def measure(inputs: Inputs, *, workspace: Path, directory: Path) -> Measured:
    """Run the tests as the inputs say, and leave `results.json` in `directory`.

    Raises a `MemguardError` if commits are to be compared and cannot be.
    """
    project = (workspace / inputs.working_directory).resolve()
    options = [f"--memguard-json={directory / FILE_NAME}", *_MODE_OPTIONS[inputs.mode]]
    if inputs.outcomes_that_fail is not None:
        options.append(f"--memguard-fail-on={','.join(inputs.outcomes_that_fail)}")
    base_commit = ""
    if inputs.base_ref and inputs.mode != "record" and not _has_baseline(project, inputs):
        base = measure_base(
            project, inputs.base_ref, paths=inputs.paths, into=directory / "base", execute=_executing(inputs)
        )
        base_commit = base.commit
        options.append(f"--memguard-baseline={base.baseline_dir}")
        commands.notice(f"Compared with {base.commit[:12]}, measured in this job. {base.sentence}".strip())
    elif inputs.baseline:
        options.append(f"--memguard-baseline={project / inputs.baseline}")
    if inputs.rerun and inputs.mode == "check":
        # The first run must not fail tests for growth that the second run may not confirm.
        options.append("--memguard-advisory")
    counted = directory / "failures.txt"
    environ = {**os.environ, FAILURES_FILE: str(counted)}
    exit_code = _pytest(inputs, ["-p", "pytest_memguard.github.failures", *options], project, environ=environ)
    if inputs.rerun:
        _run_again(inputs, options, project, directory)
    tests_failed = int(counted.read_text(encoding="utf-8")) if counted.exists() else None
    return Measured(exit_code, tests_failed, base_commit)


def _has_baseline(project: Path, inputs: Inputs) -> bool:
    root = find_root(project)
    folder = project / inputs.baseline if inputs.baseline else root / load_settings(root).baseline_dir
    return BaselineStore(folder, environment_key()).exists()


def _executing(inputs: Inputs) -> Execute:
    def execute(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> int:
        command = [sys.executable, "-m", "pytest", "--memguard", *inputs.args, *arguments]
        return run_child(command, folder=folder, environ=environ)

    return execute


def _pytest(
    inputs: Inputs,
    options: Sequence[str],
    project: Path,
    *,
    ids: Sequence[str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> int:
    paths = inputs.paths if ids is None else ids
    return _executing(inputs)([*options, *(("--", *paths) if paths else ())], project, environ)


def _run_again(inputs: Inputs, options: Sequence[str], project: Path, directory: Path) -> None:
    """Measure what grew once more, in a process of its own; growth that does not recur does not count."""
    path = directory / FILE_NAME
    for number in range(1, inputs.rerun + 1):
        try:
            results = read_results([path])
        except MemguardError:
            return  # the first run left none, which the report calls an error
        ids = [test.id for test in results.grown]
        if not ids or len(ids) > _MOST_RERUN_TESTS:
            return
        again_path = directory / f"rerun-{number}.json"
        again = [*options, f"--memguard-json={again_path}"]
        if _pytest(inputs, again, project, ids=_selected(project, ids)) == _NOT_FOUND:
            modules = [one.split("::", 1)[0] for one in ids]
            _pytest(inputs, again, project, ids=_selected(project, modules))
        if again_path.exists():
            write_results(path, _confirmed(results, read_results([again_path]), number))


def _selected(project: Path, ids: Sequence[str]) -> list[str]:
    """Write node ids, which start at pytest's root, so that they are found from any folder.

    pytest does not know the id of a region: it reports that, and the whole module runs.
    """
    return list(dict.fromkeys(str(find_root(project) / one) for one in ids))


def _confirmed(first: RunResults, again: RunResults, number: int) -> RunResults:
    """Return the first verdict of each test that grew again, and the second verdict of each other test."""
    later = {test.id: test for test in again.tests}
    return replace(first, tests=tuple(_confirm(test, later.get(test.id), number) for test in first.tests))


def _confirm(test: TestResult, again: TestResult | None, number: int) -> TestResult:
    if not test.outcome.is_growth or again is None or again.measurement is None:
        return test
    if again.outcome.is_growth or again.outcome is Outcome.NOT_MEASURED:
        return test
    hint = f"{test.verdict.reason} in the first process, not in rerun {number}"
    return replace(again, hints=(*again.hints, hint))
