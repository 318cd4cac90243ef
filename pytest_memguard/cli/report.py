"""`memguard report`: the last run as one HTML page that works offline."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import click

from pytest_memguard.cli.parameters import GivenPath, from_option
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.history import TestHistory
from pytest_memguard.core.paths import FLAMES_PATH, PAGE_PATH
from pytest_memguard.core.run_results import RunResults, TestResult
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage.captures import capture_name, capture_of
from pytest_memguard.storage.pages import write_page
from pytest_memguard.storage.results import read_results_by_environment


@click.command()
@click.option(
    "--output",
    "-o",
    metavar="PATH",
    type=GivenPath(path_type=Path),
    help=f"The file to write, instead of {PAGE_PATH}.",
)
@click.option("--open", "opens", is_flag=True, help="Show it in the browser.")
@from_option
@pass_project
def report(project: Project, *, output: Path | None, opens: bool, sources: tuple[Path, ...]) -> None:
    """Write the last run as one HTML page: what grew, where, over time, and who holds it.

    The page is one file. It loads nothing and sends nothing, so it can be mailed or kept as an artifact.
    """
    from pytest_memguard.reports.html.page import HtmlReport  # noqa: PLC0415 - loads jinja2, once the results are read

    runs = project.with_unjudged_entries(read_results_by_environment(project.results(sources)))
    path = output or project.root / PAGE_PATH
    tests = [test for run in runs for test in run.tests if test.profile]
    links = {test.id: found for test in tests if (found := _links(project.root, path, test))}
    write_page(path, HtmlReport(links, _histories(project, runs)).page(*runs))
    project.write(f"{printable(os.path.relpath(path))} is written; open it in a browser.")
    if opens:
        click.launch(str(path.resolve()))


def _links(root: Path, page: Path, test: TestResult) -> tuple[tuple[str, str], ...]:
    """Return the flame graphs that were written since the capture was kept, as the page reaches them."""
    capture = capture_of(root, test.id)
    found = []
    for end, label in (("", "who allocates"), ("-difference", "before against now")):
        graph = root / FLAMES_PATH / f"{capture_name(test.id)}{end}.html"
        if graph.is_file() and capture.is_file() and graph.stat().st_mtime >= capture.stat().st_mtime:
            address = os.path.relpath(graph.resolve(), page.resolve().parent).replace(os.sep, "/")
            found.append((label, quote(address)))
    return tuple(found)


def _histories(project: Project, runs: list[RunResults]) -> dict[str, Mapping[str, TestHistory]]:
    """Return what was accepted before, by environment; nothing where there is no history to read."""
    from pytest_memguard.commits.history import read_history  # noqa: PLC0415 - loads yaml, once the results are read

    found = {}
    for run in runs:
        with contextlib.suppress(MemguardError):
            past = read_history(project.root, project.root / run.baseline_dir, run.environment)
            found[run.environment] = past.tests
    return found
