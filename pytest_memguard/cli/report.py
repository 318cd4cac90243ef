"""`memguard report`: the last run as one HTML page that works offline."""

from __future__ import annotations

import os
from pathlib import Path

import click

from pytest_memguard.cli.parameters import from_option
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.core.paths import PAGE_PATH
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage.pages import write_page
from pytest_memguard.storage.results import read_results_by_environment


@click.command()
@click.option(
    "--output",
    "-o",
    metavar="PATH",
    type=click.Path(path_type=Path),
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

    runs = read_results_by_environment(project.results(sources))
    path = output or project.root / PAGE_PATH
    write_page(path, HtmlReport().page(*runs))
    project.write(f"{printable(os.path.relpath(path))} is written; open it in a browser.")
    if opens:
        click.launch(str(path.resolve()))
