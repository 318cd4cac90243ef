"""`memguard summary`: print the report of the last run in any format."""

from __future__ import annotations

import shutil
from functools import cached_property
from pathlib import Path

import click

from pytest_memguard.cli.parameters import from_option
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.commits.git import RevisionError, top_of
from pytest_memguard.reports import FORMATS, told
from pytest_memguard.storage.results import read_results, read_results_by_environment, results_text
from pytest_memguard.storage.shards import with_unjudged_entries


class _Repository:
    """Where the files of a project lie in its repository; git is asked for a format that wants to know."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cached_property
    def _folder(self) -> str:
        try:
            top = top_of(self._root)
        except RevisionError:
            top = None
        return "" if top is None else self._root.resolve().relative_to(top).as_posix().removesuffix(".")

    def locate(self, file: str) -> str | None:
        """Return the path of a file from the top of the repository; None for one that is not there."""
        if not (self._root / file).is_file():
            return None
        return f"{self._folder}/{file}" if self._folder else file


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS, "json"]),
    default="text",
    show_default=True,
    help="What to write: text for a terminal, markdown for GitHub or GitLab, html for a browser, "
    "annotations for GitHub's source lines, openmetrics for Prometheus, junit, gitlab for its code quality, "
    "sarif for code scanners, json for a program.",
)
@from_option
@pass_project
def summary(project: Project, form: str, sources: tuple[Path, ...]) -> int:
    """Write the report of the last run, or of the results of several jobs merged.

    Exit code 1 where the run failed for its memory.
    """
    files = project.results(sources)
    read = [read_results(files)] if form == "json" else read_results_by_environment(files)
    runs = [
        with_unjudged_entries(run, project.store(run), fails=project.is_ci and not run.advisory)
        for run in read
    ]
    if form == "json":
        project.write(results_text(runs[0]).rstrip("\n"))
    else:
        width = shutil.get_terminal_size().columns
        for line in told(form, runs, width=width, locate=_Repository(project.root).locate):
            project.write(line)
    return int(any(run.failed for run in runs))
