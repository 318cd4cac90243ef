"""The reference names all that exists, and nothing else."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

import click
import pytest

import pytest_memguard
from pytest_memguard.cli import memguard
from pytest_memguard.core import options
from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.metrics import METRICS
from pytest_memguard.core.outcome import OUTCOMES
from pytest_memguard.core.run_results import ProblemKind
from pytest_memguard.core.settings import (
    DEFAULT_FAIL_ON,
    DEFAULT_FAIL_ON_IN_CI,
)
from pytest_memguard.guard.memguard_fixture import MemguardFixture
from pytest_memguard.storage import baseline_reading
from tests.docs.declared_tables import SCHEMA, TABLES, rewritten, schema_text
from tests.docs.pages import first_column, section, text_of
from tests.ecosystem.neighbours import NEIGHBOURS


@pytest.mark.parametrize("page", sorted({page for page, _ in TABLES}))
def test_tables_are_as_declared(page: str) -> None:
    """What fails is mended by `python -m tests.docs.declared_tables`."""
    assert all(text_of(page).count(f"{head}\n") == 1 for name, head in TABLES if name == page)
    assert text_of(page) == rewritten(page)


def test_fixture_has_every_call() -> None:
    calls = [name for name, _ in inspect.getmembers(MemguardFixture, inspect.isfunction) if name[0] != "_"]
    assert sorted(
        [call.partition("(")[0].removeprefix("memguard.") for call in first_column(text_of("fixture"))]
    ) == sorted(calls)


def test_options_has_every_option_and_whether_it_takes_a_value() -> None:
    switches = list(options.SWITCHES)
    existing = [*switches, *(f"{name} {metavar}" for name, (metavar, _) in options.VALUES.items())]
    assert sorted([name for name in first_column(text_of("options")) if name.startswith("--")]) == sorted(
        existing
    )


def test_commands_has_every_command_with_its_options() -> None:
    text = text_of("commands")
    context = click.Context(memguard)
    names = memguard.list_commands(context)
    assert sorted(re.findall(r"^## memguard (\w+)$", text, re.MULTILINE)) == sorted(names)
    for name in names:
        command = memguard.get_command(context, name)
        assert command is not None
        options = [max(one.opts, key=len) for one in command.params if isinstance(one, click.Option)]
        documented = [cell.split()[0] for cell in first_column(section(text, f"memguard {name}"))]
        assert sorted(documented) == sorted([option for option in options if option != "--help"])


def test_outcomes_has_every_outcome_metric_and_problem() -> None:
    text = text_of("outcomes")
    assert sorted(first_column(section(text, "Outcomes"))) == sorted(OUTCOMES)
    assert sorted(first_column(section(text, "Metrics"))) == sorted(METRICS)
    assert sorted(first_column(section(text, "Problems of a run"))) == sorted(ProblemKind)


def test_outcomes_marks_those_that_fail() -> None:
    rows = section(text_of("outcomes"), "Outcomes").splitlines()
    failing = {
        end: [row.split("`")[1] for row in rows if row.endswith(end)] for end in ("| yes |", "| in CI |")
    }
    assert sorted(failing["| yes |"]) == sorted(DEFAULT_FAIL_ON)
    assert sorted(failing["| yes |"] + failing["| in CI |"]) == sorted(DEFAULT_FAIL_ON_IN_CI)


def all_errors() -> set[type[MemguardError]]:
    for module in pkgutil.walk_packages(pytest_memguard.__path__, "pytest_memguard."):
        importlib.import_module(module.name)
    found, waiting = {MemguardError}, [MemguardError]
    while waiting:
        for below in waiting.pop().__subclasses__():
            if below.__module__.startswith("pytest_memguard"):
                found.add(below)
                waiting.append(below)
    return found


def test_messages_has_every_error() -> None:
    slugs = {error.slug for error in all_errors()}
    assert sorted(re.findall(r"^## (\S+)$", text_of("messages"), re.MULTILINE)) == sorted(slugs)


@pytest.mark.parametrize("page", ["exit-codes", "commands"])
def test_exit_codes_are_those_of_the_errors(page: str) -> None:
    rows = re.findall(r"^\| (\d+) \|", text_of(page).split("`memguard` ends", 1)[-1], re.MULTILINE)
    assert rows == ["0", "1", "2", "3", "130"]
    assert {error.exit_code for error in all_errors()} <= {int(code) for code in rows}


def test_baseline_format_has_every_key() -> None:
    keys = {*baseline_reading._TOP_KEYS, *baseline_reading._ENTRY_KEYS}
    assert sorted(first_column(text_of("baseline-format"))) == sorted(keys - METRICS.keys())


def test_the_published_schema_is_that_of_the_format() -> None:
    """What fails is mended by `python -m tests.docs.declared_tables`."""
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


def test_compatibility_has_every_neighbour() -> None:
    table = text_of("compatibility").split("\n| neighbour |", 1)[1].splitlines()[2:]
    assert [row.split("|")[1].strip() for row in table] == [neighbour.name for neighbour in NEIGHBOURS]


def test_parser_of_tables_reads_names() -> None:
    assert first_column("| a | b |\n|---|---|\n| `one`, `two` | `three` |") == ["one", "two"]
