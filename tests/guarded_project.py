"""A project in a temporary folder, run by pytest with memguard, and what its run came to."""

from __future__ import annotations

import email.parser  # noqa: F401 - as memguard's own modules below
import gc
import json
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml  # noqa: F401 - its extension too: loaded again, it would know the classes of the first

# A run in this process forgets the modules that it loads: loaded here, they are loaded once for all runs.
import pytest_memguard.commits.past
import pytest_memguard.core.renames
import pytest_memguard.leaks.check
import pytest_memguard.run.hooks

with suppress(ImportError):  # tracemalloc measures then
    import memray.reporters.module_tools  # noqa: F401 - its extension loads only once

    import pytest_memguard.meters.memray_meter  # noqa: F401

PLUGIN = "pytest_memguard.plugin"


@dataclass(frozen=True)
class Run:
    """One run of pytest that has ended."""

    code: int
    text: str
    errors: str
    root: Path

    @property
    def lines(self) -> list[str]:
        """Return the lines of its terminal report."""
        return self.text.splitlines()

    @property
    def summary(self) -> str:
        """Return memguard's section of the terminal report."""
        start = next(
            n for n, line in enumerate(self.lines) if " memguard " in line and line.startswith("===")
        )
        rest = self.lines[start + 1 :]
        end = next((n for n, line in enumerate(rest) if line.startswith("====")), len(rest))
        return "\n".join(rest[:end]).strip("\n")

    def counted(self) -> dict[str, int]:
        """Return the counts of pytest's last line."""
        return pytest.RunResult.parse_summary_nouns(self.lines)

    @property
    def file(self) -> dict[str, Any]:
        """Return what its results file holds."""
        path = self.root / ".memguard/results/last.json"
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return data

    def results(self) -> dict[str, dict[str, Any]]:
        """Return the results by the tests' names, without their module."""
        return {test["id"].split("::", 1)[-1]: test for test in self.file["tests"]}

    def outcomes(self) -> dict[str, str]:
        """Return the outcomes by the tests' names."""
        return {name: test["outcome"] for name, test in self.results().items()}

    def measured(self, name: str, metric: str = "peak") -> int:
        """Return one figure of one test."""
        return int(self.results()[name]["metrics"][metric]["measured"])

    def reason(self, name: str) -> str:
        """Return the sentence of one test's result."""
        return str(self.results()[name]["reason"])

    def problems(self) -> dict[str, bool]:
        """Return the kinds of what is wrong with the run as a whole, and whether each fails it."""
        return {problem["kind"]: problem["fails"] for problem in self.file.get("problems", ())}


class GuardedProject:
    """Files, and runs of pytest over them."""

    def __init__(self, pytester: pytest.Pytester, environment: pytest.MonkeyPatch) -> None:
        self._pytester = pytester
        self._environment = environment
        self.root = pytester.path
        self.let(COLUMNS=300)  # lines are broken at 80 where a test is about that

    def let(self, **variables: object) -> None:
        """Set environment variables for the runs that follow."""
        for name, value in variables.items():
            self._environment.setenv(name, str(value))

    def write(self, files: Mapping[str, str] | None = None, /, **modules: str) -> None:
        """Write files by their path, and Python modules by their name."""
        for path, text in {**(files or {}), **{f"{name}.py": text for name, text in modules.items()}}.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(dedent(text), encoding="utf-8")

    def run(self, *args: str, plugins: tuple[str, ...] = (), guard: bool = True) -> Run:
        """Run pytest in this process, with memguard unless `guard` is off."""
        done = self._pytester.runpytest_inprocess(
            *_arguments(args, plugins, guard=guard), no_reraise_ctrlc=True
        )
        with warnings.catch_warnings():  # the lowest versions leave loops open at a test's end
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        return Run(int(done.ret), done.stdout.str(), done.stderr.str(), self.root)

    def spawn(self, *args: str, plugins: tuple[str, ...] = (), guard: bool = True) -> Run:
        """Run pytest in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *_arguments(args, plugins, guard=guard)],
            cwd=self.root,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=600,
        )
        return Run(done.returncode, done.stdout, done.stderr, self.root)

    def accept(self, *args: str, plugins: tuple[str, ...] = ()) -> Run:
        """Accept what a run measures."""
        return self.run("--memguard-accept", *args, plugins=plugins)

    def entries(self, module: str = "test_it.py") -> str:
        """Return the text of a module's baseline."""
        (path,) = (self.root / ".memguard/baseline").glob(f"*/{module}.yml")
        return path.read_text(encoding="utf-8")

    def junit(self, path: str = "junit.xml") -> ET.Element:
        """Return the test suite of a JUnit file."""
        suite = ET.parse(self.root / path).getroot().find("testsuite")
        assert suite is not None
        return suite


def _arguments(args: tuple[str, ...], plugins: tuple[str, ...], *, guard: bool) -> Iterator[str]:
    yield from (
        ("-p", "no:cacheprovider") if "--lf" not in args and "--memguard-keep-cache" not in args else ()
    )
    for name in (PLUGIN, *plugins):
        yield from ("-p", name)
    # pytest 8.0 warns of what the process of the tests has loaded before.
    yield from ("-W", "ignore::pytest.PytestAssertRewriteWarning")
    if guard:
        yield "--memguard"
    yield from args
