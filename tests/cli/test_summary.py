"""`memguard summary`: the last run for a terminal, for GitHub or GitLab, and for a program."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_memguard.core.measurement import Entry
from tests.cli.running import KIB, CommandProject, measured


@pytest.mark.parametrize("kind", ["text", "markdown", "json"])
def test_every_format_tells_of_the_growth_and_ends_with_1(kind: str, shop: CommandProject) -> None:
    grew = replace(measured("grown", 300 * KIB, Entry({"peak": 100 * KIB})), fails=True)
    shop.run(grew, measured("same", 5 * KIB, Entry({"peak": 5 * KIB})))
    output = shop.memguard("summary", "--format", kind)
    text = "\n".join(output.lines)
    assert output.code == 1
    if kind == "json":
        assert {test["id"]: test["outcome"] for test in json.loads(text)["tests"]} == {
            "tests/test_x.py::grown": "grew",
            "tests/test_x.py::same": "ok",
        }
    else:
        assert "peak 300.0 KiB, was 100.0 KiB (+200%" in text
        assert text.startswith("## memguard") == (kind == "markdown")


def test_several_files_are_merged(shop: CommandProject) -> None:
    shop.run(measured("one", 5 * KIB, Entry({"peak": 5 * KIB})), path=Path("a.json"))
    shop.run(measured("two", 5 * KIB, Entry({"peak": 5 * KIB})), path=Path("b.json"))
    output = shop.memguard("summary", "--from", "a.json", "--from", "b.json")
    assert output.code == 0
    assert "2 ok" in "\n".join(output.lines)


def test_each_environment_gets_a_report(shop: CommandProject) -> None:
    shop.run(measured("one", 5 * KIB), path=Path("a.json"))
    shop.run(measured("one", 5 * KIB), path=Path("b.json"), environment="cpython-3.12-macos-arm64")
    output = shop.memguard("summary", "--format", "markdown", "--from", "a.json", "--from", "b.json")
    assert sum(line.startswith("## memguard") for line in output.lines) == 2


def test_without_results_there_is_nothing_to_judge(shop: CommandProject) -> None:
    output = shop.memguard("summary")
    assert output.code == 3
    assert "there are no results" in output.error
