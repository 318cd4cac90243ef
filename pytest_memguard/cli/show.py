"""`memguard show`: print the accepted numbers, as text or JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator

import click

from pytest_memguard.cli.parameters import baseline_option, environment_option, patterns_argument
from pytest_memguard.cli.project import Project, pass_project
from pytest_memguard.core.entries import Entry, ModuleBaseline
from pytest_memguard.core.errors import NothingToJudgeError
from pytest_memguard.core.metrics import METRICS
from pytest_memguard.core.node_ids import join_id
from pytest_memguard.core.units import format_size
from pytest_memguard.reports.untrusted import printable
from pytest_memguard.storage.accepting import select
from pytest_memguard.storage.baseline import BaselineStore

_WIDTH = 72
"""Room for figures, so that a line with its indent fits in 80 columns."""


@click.command()
@patterns_argument
@environment_option
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@baseline_option
@pass_project
def show(
    project: Project,
    *,
    patterns: tuple[str, ...],
    environment: str | None,
    as_json: bool,
    baseline: str | None,
) -> None:
    """Show what is accepted in this environment.

    PATTERNS are node ids, files, folders or shell patterns; without one every entry is shown.
    """
    store = project.store(environment, baseline)
    if not store.exists():
        raise NothingToJudgeError(_nothing(store))
    modules = [store.load(module) for module in store.modules()]
    ids = [join_id(module.module, key) for module in modules for key in module.entries]
    chosen = select(ids, patterns, accepted=True)
    if as_json:
        project.write(json.dumps(_as_json(store.environment, modules, chosen), ensure_ascii=False, indent=1))
        return
    project.write(*_lines(modules, chosen))
    project.write(f"{len(chosen):,} of {len(ids):,} entries, {store.environment}.")


def _nothing(store: BaselineStore) -> str:
    others = store.environments()
    if others:
        return (
            f"nothing is accepted for {store.environment}, but for {', '.join(others)}; "
            f"look at those with `memguard show --environment {others[0]}`."
        )
    return f"nothing is accepted in {store.directory}; run `pytest --memguard`, then `memguard accept`."


def _lines(modules: list[ModuleBaseline], chosen: set[str]) -> Iterator[str]:
    for module in modules:
        keys = [key for key in module.entries if join_id(module.module, key) in chosen]
        if keys:
            yield printable(module.module)
        for key in keys:
            yield f"  {printable(key)}"
            yield from (f"      {line}" for line in _entry_lines(module.entries[key]))


def _entry_lines(entry: Entry) -> Iterator[str]:
    figures = [_figure(name, entry.metrics[name]) for name in METRICS if name in entry.metrics]
    figures += [f"{unit} per 1,000 calls {count:,}" for unit, count in entry.leaks_per_1000_calls.items()]
    # A figure is never split, so its words are joined by what the wrapping does not break at.
    for line in textwrap.wrap(", ".join(figure.replace(" ", "\0") for figure in figures), _WIDTH):
        yield line.replace("\0", " ")
    if entry.spread:
        yield "varies by " + ", ".join(_figure(name, size) for name, size in entry.spread.items())
    if entry.note:
        yield f"note: {printable(entry.note)}"
    for site in entry.sites:
        yield f"{format_size(max(site.peak_bytes, site.retained_bytes)):>10}  {printable(site.at)}"


def _figure(name: str, value: int) -> str:
    return f"{METRICS[name].label} {METRICS[name].text(value)}"


def _as_json(environment: str, modules: list[ModuleBaseline], chosen: set[str]) -> dict[str, object]:
    tests = {
        join_id(module.module, key): {
            **entry.metrics,
            "leaks_per_1000_calls": dict(entry.leaks_per_1000_calls),
            "spread": dict(entry.spread),
            "note": entry.note,
            "sites": [
                {"at": site.at, "peak": site.peak_bytes, "retained": site.retained_bytes}
                for site in entry.sites
            ],
        }
        for module in modules
        for key, entry in module.entries.items()
        if join_id(module.module, key) in chosen
    }
    return {"environment": environment, "tests": tests}
