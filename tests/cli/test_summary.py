"""`memguard summary`: the last run for a terminal, for GitHub or GitLab, and for a program."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_memguard.core.ci import CI_VARIABLES
from pytest_memguard.core.entries import Entry
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.storage.results import write_results
from tests.cli.running import HERE, KIB, CommandProject, measured, unmeasured
from tests.in_terminal import in_terminal


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


@pytest.mark.parametrize(("variable", "code"), [("1", 1), ("", 0)])
def test_entries_that_no_shard_judged_are_named_and_fail_in_ci(
    shop: CommandProject, monkeypatch: pytest.MonkeyPatch, variable: str, code: int
) -> None:
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CI", variable)
    shop.accepted(one=5 * KIB, two=5 * KIB, lost=5 * KIB)
    shop.run(measured("one", 5 * KIB, Entry({"peak": 5 * KIB})), path=Path("a.json"))
    shop.run(measured("two", 5 * KIB, Entry({"peak": 5 * KIB})), path=Path("b.json"))
    assert shop.memguard("summary", "--from", "a.json").code == 0, "one run looks for itself"
    output = shop.memguard("summary", "--from", "a.json", "--from", "b.json")
    assert output.code == code
    said = " ".join(" ".join(output.lines).split())
    assert "about 1 accepted entry: tests/test_x.py::lost." in said
    accepted = shop.memguard("accept", "--from", "a.json", "--from", "b.json")
    assert "about 1 accepted entry: tests/test_x.py::lost." in " ".join(accepted.lines)


def test_regions_of_a_test_with_a_result_and_what_was_left_out_are_not_lost(shop: CommandProject) -> None:
    regions = {f"tests/test_x.py::{name}": Entry({"peak": 1}) for name in ("skipped::part", "slow")}
    shop.store().update(regions)
    shop.run(unmeasured("skipped", Outcome.NOT_MEASURED), path=Path("a.json"))
    left_out = RunResults(HERE, (), meter="memray", left_out=("tests/test_x.py::slow",))
    write_results(shop.root / "b.json", left_out)
    output = shop.memguard("summary", "--from", "a.json", "--from", "b.json")
    assert "accepted entr" not in " ".join(output.lines)


def test_a_terminal_has_colours_unless_nobody_wants_them(shop: CommandProject) -> None:
    shop.run(replace(measured("grown", 300 * KIB, Entry({"peak": 100 * KIB})), fails=True))
    command = [str(Path(sys.executable).with_name("memguard")), "summary"]
    assert "\x1b[31m\x1b[1mgrew\x1b[0m" in in_terminal(command, shop.root)
    plain = in_terminal(command, shop.root, {"NO_COLOR": "1"})
    assert "\x1b" not in plain
    assert plain.split() == " ".join(shop.memguard("summary").lines).split()
