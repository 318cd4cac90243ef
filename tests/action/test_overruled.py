"""What of the checkout beats an explicit input, and what does not: each setting that has no say is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.core.settings import PatternPolicy, Settings
from pytest_memguard.github.environment_report import read_reported
from pytest_memguard.github.inputs import Inputs
from pytest_memguard.github.overruled import enforced
from pytest_memguard.github.place import Place
from pytest_memguard.github.status import Measured, decide_status
from pytest_memguard.github.workspace import FILE_NAME
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.results import write_results
from tests.reports.made_results import leaked, quarantined, result, run

CHECK = Inputs(is_enforced=True)
FILE = "pyproject.toml"
UNASKED = replace(result("t.py::a", Outcome.NOT_MEASURED), measurement=None)
ASKED = replace(UNASKED, id="t.py::b", is_asked=True)


def judged(tmp_path: Path, results: RunResults, settings: Settings, inputs: Inputs) -> RunResults:
    """Write results as a run leaves them, and read them as the reporting step does."""
    write_results(tmp_path / FILE_NAME, results)
    (found,) = read_reported(inputs, Place(tmp_path, tmp_path, settings, tmp_path / "baseline"), tmp_path)
    return found


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (Settings(FILE, advisory=True), "advisory = true"),
        (Settings(FILE, ci=False), "ci = false"),
        (Settings(FILE, fail_on=("grew",)), "fail_on = ['grew']"),
        (Settings(FILE, allow_empty=True), "allow_empty = true"),
        (Settings(FILE, written={"on_growth": "warn"}), 'on_growth = "warn" for every test'),
    ],
)
def test_a_setting_that_has_no_say_is_named_with_the_input_that_beats_it(
    settings: Settings, named: str
) -> None:
    (problem,) = enforced(run(result()), settings, CHECK).problems
    assert problem.sentence == f"{FILE}: {named} is ignored, since the workflow says mode: check."
    assert not problem.fails


@pytest.mark.parametrize(
    "settings",
    [Settings(FILE), Settings(FILE, ci=True), Settings(FILE, fail_on=("grew",), written={})],
)
def test_a_setting_that_weakens_nothing_is_not_named(settings: Settings) -> None:
    assert not enforced(run(result()), settings, replace(CHECK, fail_on=("grew",))).problems


@pytest.mark.parametrize(
    ("settings", "inputs", "failing"),
    [
        (Settings(), Inputs(rerun=1), ["t.py::b"]),
        (Settings(advisory=True), Inputs(rerun=1), []),
        (Settings(advisory=True), CHECK, ["t.py::b"]),
        (Settings(fail_on=("leaked",)), CHECK, ["t.py::b", "t.py::c", "t.py::d"]),
        (Settings(fail_on=("leaked",)), replace(CHECK, fail_on=("regression",)), ["t.py::c"]),
        (Settings(fail_on=("not-measured",)), CHECK, ["t.py::a", "t.py::b", "t.py::c", "t.py::d"]),
    ],
)
def test_what_fails_is_what_fails_by_default_and_what_either_side_names(
    tmp_path: Path, settings: Settings, inputs: Inputs, failing: list[str]
) -> None:
    tests = [UNASKED, ASKED]
    if settings.fail_on:
        tests += [result("t.py::c", Outcome.GREW), result("t.py::d", Outcome.UNGUARDED)]
    found = judged(tmp_path, run(*tests), settings, inputs)
    assert [test.id for test in found.tests if test.fails] == failing


@pytest.mark.parametrize(("pattern", "fails"), [("*", True), ("t.py::a", False)])
def test_a_quarantine_of_every_test_is_none_and_one_of_some_stands(
    tmp_path: Path, pattern: str, fails: bool
) -> None:
    settings = Settings(policies=(PatternPolicy(pattern, {"on_growth": "warn"}),))
    results = run(quarantined(replace(leaked(), id="t.py::a")), result("t.py::b"))
    found = judged(tmp_path, results, settings, CHECK)
    assert [test.fails for test in found.tests] == [fails, False]
    assert len(found.quarantined) == (not fails)


def test_an_entry_that_no_shard_judged_fails_the_job_that_merges(tmp_path: Path) -> None:
    settings = Settings()
    place = Place(tmp_path, tmp_path, settings, tmp_path / "baseline")
    accepted = {f"t.py::{name}": Entry({"peak": 1}) for name in ("a", "b", "lost")}
    BaselineStore(place.baseline, run().environment).update(accepted)
    (tmp_path / "shards").mkdir()
    for name in ("a", "b"):
        write_results(tmp_path / "shards" / f"{name}.json", run(result(f"t.py::{name}")))
    inputs = Inputs(results=("shards/a.json", "shards/b.json"))
    (merged,) = read_reported(inputs, place, tmp_path)
    decision = decide_status(merged, Measured(0, 0), inputs=inputs)
    assert (decision.status, decision.exit_code) == ("error", 1)
    assert "about 1 accepted entry: t.py::lost." in decision.sentence
