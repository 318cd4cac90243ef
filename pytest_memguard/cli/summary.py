"""`memguard summary`: print the report of the last run in any format."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import click

from pytest_memguard.cli.parameters import from_option
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.commits.git import RevisionError, top_of
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.reports.bars import bars_for
from pytest_memguard.reports.formats import FORMATS, report_lines
from pytest_memguard.reports.styled import TERMINAL_STYLES, Piece, Style
from pytest_memguard.reports.text import TextReport
from pytest_memguard.storage.results import read_results, read_results_by_environment, results_text


class _Repository:
    """Where the files of a project lie in its repository; git is run only for a format that needs them."""

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


def _coloured(run: RunResults) -> Iterator[str]:
    """Yield the lines of the text with their colours, which click leaves out where there is no terminal."""
    report = TextReport(bars=bars_for(sys.stdout.encoding))
    for line in report.styled(run, width=shutil.get_terminal_size().columns):
        yield "".join(_coloured_piece(piece) for piece in line.pieces)


def _coloured_piece(piece: Piece) -> str:
    if piece.style is Style.PLAIN:
        return piece.text
    colour, is_bold = TERMINAL_STYLES[piece.style]
    return click.style(piece.text, fg=colour, bold=is_bold or None)


_READERS = {**{name: form.reader for name, form in FORMATS.items()}, "json": "a program"}
_FORMS = ", ".join(f"{name} for {reader}" if reader else name for name, reader in _READERS.items())


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice([*_READERS]),
    default="text",
    show_default=True,
    help=f"What to write: {_FORMS}.",
)
@from_option
@pass_project
def summary(project: Project, form: str, sources: tuple[Path, ...]) -> int:
    """Write the report of the last run, or of the results of several jobs merged.

    Exit code 1 where the run failed for its memory.
    """
    files = project.results(sources)
    read = [read_results(files)] if form == "json" else read_results_by_environment(files)
    runs = project.with_unjudged_entries(read)
    if form == "json":
        project.write(results_text(runs[0]).rstrip("\n"))
    elif form == "text":
        for run in runs:
            project.write(*_coloured(run))
    else:
        width = shutil.get_terminal_size().columns
        locate = _Repository(project.root).locate
        project.write(*report_lines(form, runs, width=width, locate=locate))
    return int(any(run.failed for run in runs))
