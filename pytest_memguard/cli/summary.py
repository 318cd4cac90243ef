"""`memguard summary`: print the report of the last run as text, Markdown or JSON."""

from __future__ import annotations

import shutil

from pytest_memguard.cli.command import FROM, Call, Command, Option
from pytest_memguard.core.verdict import RunResults
from pytest_memguard.reports.markdown import markdown_lines
from pytest_memguard.reports.text import summary_lines
from pytest_memguard.storage.results import read_results, read_results_by_environment, results_text


def summary(call: Call) -> int:
    """Write the report of each environment; exit code 1 where the run failed for its memory."""
    if call.text("format") == "json":
        runs = [read_results(call.results_paths)]
        call.write(results_text(runs[0]).rstrip("\n"))
    else:
        runs = read_results_by_environment(call.results_paths)
        for run in runs:
            _write(call, run)
    return int(any(run.failed for run in runs))


def _write(call: Call, run: RunResults) -> None:
    if call.text("format") == "markdown":
        lines = markdown_lines(run)
    else:
        lines = summary_lines(run, width=shutil.get_terminal_size().columns)
    for line in lines:
        call.write(line)


COMMAND = Command(
    help="""Write the report of the last run, or of the results of several jobs merged.

    Exit code 1 where the run failed for its memory.
    """,
    run=summary,
    options=(
        Option(
            "format",
            "What to write: text for a terminal, markdown for GitHub or GitLab, json for a program.",
            choices=("text", "markdown", "json"),
            default="text",
        ),
        FROM,
    ),
)
