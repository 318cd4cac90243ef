"""Runs a neighbour's project through its stages, and compares with what is expected."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.ecosystem.environments import environment, plugins, versions
from tests.ecosystem.neighbour import WORK, Answer, Neighbour, Stage

LEAK_BUDGET = "200 ms"
_RESULTS = ".memguard/results/last.json"
_PYPROJECT = """
[tool.pytest.ini_options]
{ini}

[tool.memguard]
leak_budget = "{budget}"
ci = false
"""
_VARIABLES: Mapping[Stage, Mapping[str, str]] = {Stage.GROW: {"GROW": "1"}, Stage.LEAK: {"LEAK": "1"}}
_ARGUMENTS: Mapping[Stage, tuple[str, ...]] = {
    Stage.PLAIN: (),
    Stage.ACCEPT: ("--memguard-all", "--memguard-accept"),
    Stage.SAME: ("--memguard-all",),
    Stage.GROW: ("--memguard-all",),
    Stage.CLEAN: ("--memguard-all", "--memguard-leaks"),
    Stage.LEAK: ("--memguard-all", "--memguard-leaks"),
}
_USUAL: Mapping[Stage, Answer] = {
    Stage.ACCEPT: Answer("no-baseline"),
    Stage.SAME: Answer("ok"),
    Stage.GROW: Answer("grew"),
    Stage.CLEAN: Answer("new"),
    Stage.LEAK: Answer("leaked"),
}
_TIMEOUT_SECONDS = 1800
_FAILING = ("grew", "over-limit", "leaked")


@dataclass(frozen=True)
class Ended:
    """One run of pytest that has ended, and its results by test."""

    code: int
    text: str
    results: Mapping[str, Mapping[str, Any]]


class Trial:
    """One neighbour's project on disk; each stage is run once, after those that it rests on."""

    def __init__(self, neighbour: Neighbour, folder: Path, requirements: frozenset[str]) -> None:
        self.neighbour = neighbour
        self._folder = folder
        self._requirements = requirements
        self._ended: dict[Stage, Ended] = {}

    @cached_property
    def _environment(self) -> Path:
        return environment(self._requirements)

    @cached_property
    def _project(self) -> Path:
        files = {
            "pyproject.toml": _PYPROJECT.format(ini=dedent(self.neighbour.ini), budget=LEAK_BUDGET),
            "work.py": WORK,
            **self.neighbour.project,
        }
        for name, text in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return self._folder

    def versions(self) -> dict[str, str]:
        """Return the versions of the neighbour and of pytest."""
        return versions(self._environment, [*self.neighbour.requirements, "pytest"])

    def differences(self, stage: Stage) -> list[str]:
        """Return what a stage ended in that is not expected, a line each, with the run's output."""
        if stage in (Stage.SAME, Stage.GROW, Stage.CLEAN):
            self._run(Stage.ACCEPT)
        ended = self._run(stage)
        found = list(self._compared(stage, ended))
        return [*found, ended.text] if found else []

    def _compared(self, stage: Stage, ended: Ended) -> list[str]:
        if stage is Stage.PLAIN:
            return [] if ended.code == 0 else [f"pytest alone ends with {ended.code}"]
        if not ended.results:
            return [f"no guarded test has a result, and the exit code is {ended.code}"]
        found = []
        fails = False
        for test_id, result in sorted(ended.results.items()):
            answer = self._answer(stage, test_id)
            fails |= answer.outcome in _FAILING
            if result["outcome"] != answer.outcome or answer.reason not in result.get("reason", ""):
                said = f"{result['outcome']} ({result.get('reason', '')})"
                found.append(f"{test_id}: {said}, expected {answer.outcome} {answer.reason}".rstrip())
        if ended.code != int(fails):
            found.append(f"the exit code is {ended.code}, expected {int(fails)}")
        accepted = self._ended.get(Stage.ACCEPT)
        if accepted is not None and set(accepted.results) != set(ended.results):
            lost = sorted(set(accepted.results) ^ set(ended.results))
            found.append(f"other tests have a result than when accepting: {', '.join(lost)}")
        return found

    def _answer(self, stage: Stage, test_id: str) -> Answer:
        answers = self.neighbour.answers.get(stage, ())
        fitting = (answer for answer in answers if fnmatchcase(test_id, f"*{answer.tests}"))
        return next(fitting, _USUAL[stage])

    def _run(self, stage: Stage) -> Ended:
        if stage not in self._ended:
            self._ended[stage] = self._pytest(stage)
        return self._ended[stage]

    def _pytest(self, stage: Stage) -> Ended:
        neighbour = self.neighbour
        variables = {**neighbour.variables, **_VARIABLES.get(stage, {})}
        loading: list[str] = []
        if not neighbour.is_alone:
            variables["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
            names = ["pytest_memguard.plugin", *plugins(self._environment, neighbour.requirements)]
            loading = [part for name in names for part in ("-p", name)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        results = self._project / _RESULTS
        results.unlink(missing_ok=True)
        python = str(self._environment / "bin/python")
        alone = ["-q", "-p", "no:cacheprovider", *loading]
        done = subprocess.run(
            [python, "-m", "pytest", *alone, *neighbour.options, *_ARGUMENTS[stage]],
            cwd=self._project,
            env={**kept, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
        tests = json.loads(results.read_text(encoding="utf-8"))["tests"] if results.exists() else []
        return Ended(
            done.returncode, done.stdout.decode("utf-8", "replace"), {test["id"]: test for test in tests}
        )
