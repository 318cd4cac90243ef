"""`memguard summary`: print the report of the last run as text, Markdown, annotations or JSON."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from pytest_memguard.cli.parameters import from_option
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.reports import FORMATS, report
from pytest_memguard.storage.results import read_results, read_results_by_environment, results_text
from pytest_memguard.storage.shards import with_unjudged_entries


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS, "json"]),
    default="text",
    show_default=True,
    help="What to write: text for a terminal, markdown for GitHub or GitLab, html for a browser, "
    "annotations for GitHub's source lines, json for a program.",
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
        chosen, width = report(form), shutil.get_terminal_size().columns
        for run in runs:
            for line in chosen.lines(run, width=width):
                project.write(line)
    return int(any(run.failed for run in runs))
