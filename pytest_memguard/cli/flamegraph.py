"""`memguard flamegraph`: who allocates what a test holds, and how that differs from before."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import click

from pytest_memguard.cli.parameters import from_option
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.core.errors import NothingToJudgeError
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.paths import FLAMES_PATH
from pytest_memguard.core.run_results import TestResult
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage.accepting import select
from pytest_memguard.storage.captures import capture_before, capture_name, capture_of
from pytest_memguard.storage.pages import write_page
from pytest_memguard.storage.results import read_results_by_environment


@click.command()
@click.argument("patterns", nargs=-1, required=True, metavar="TEST...")
@click.option("--open", "opens", is_flag=True, help="Show them in the browser.")
@from_option
@pass_project
def flamegraph(
    project: Project, *, patterns: tuple[str, ...], opens: bool, sources: tuple[Path, ...]
) -> None:
    """Write the flame graph of a test, and a differential one against an earlier run.

    TEST is a node id or a pattern. Its capture must have been kept, as those of failed tests are. The
    earlier one is of the run that was accepted, or of the other commit of `memguard compare`.
    """
    runs = read_results_by_environment(project.results(sources))
    tests = [test for run in runs for test in run.tests]
    chosen = select((test.id for test in tests), patterns)
    kept = [
        test
        for test in tests
        if test.id in chosen and test.profile and capture_of(project.root, test.id).is_file()
    ]
    if not kept:
        raise NothingToJudgeError(
            "no capture of these tests was kept; take one with the memray meter and "
            "`pytest --memguard --memguard-profiles=all`."
        )
    for test in kept:
        for path, text in write_flame_graphs(project, test):
            project.write(f"{printable(os.path.relpath(path))}  {text}")
            if opens:
                click.launch(str(path.resolve()))


def write_flame_graphs(project: Project, test: TestResult) -> list[tuple[Path, str]]:
    """Write the pages of one test, and return each with what it shows."""
    from pytest_memguard.meters.flames import difference, memray_flame_graph  # noqa: PLC0415 - the meters load memray
    from pytest_memguard.meters.site_namer import SiteNamer  # noqa: PLC0415 - as above
    from pytest_memguard.reports.html.flame import flame_page  # noqa: PLC0415 - loads jinja2

    after, before = capture_of(project.root, test.id), capture_before(project.root, test.id)
    of_end = test.verdict.is_about_end
    path = project.root / FLAMES_PATH / f"{capture_name(test.id)}.html"
    write_page(path, memray_flame_graph(after, of_end=of_end))
    written = [(path, f"memray's flame graph of {'what was left' if of_end else 'the peak'}")]
    if before.is_file() and test.outcome is not Outcome.LEAKED:  # whose capture is of many calls
        namer = SiteNamer(project.root, project.settings.exclude, project.settings.include)
        day = dt.datetime.fromtimestamp(before.stat().st_mtime, dt.timezone.utc).strftime(
            "%Y-%m-%d %H:%M UTC"
        )
        page = flame_page(
            difference(before, after, namer, of_end=of_end),
            test_id=test.id,
            before=f"the capture of {day}",
            shows="Retained" if of_end else "Peak",
        )
        path = path.with_name(f"{capture_name(test.id)}-difference.html")
        write_page(path, page)
        written.append((path, f"the difference from {day}"))
    return written
