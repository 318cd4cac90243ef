"""Rules that no linter knows: where values, the token and the runner's files may go in the action."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.action.act_runner import ROOT, STUBS, pinned_actions
from tests.action.linters import ACTIONS, action_files, steps, workflow_files

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
EVERY_FILE = [*action_files(ROOT), *workflow_files(ROOT)]
SOURCES = sorted((ROOT / "pytest_memguard/github").rglob("*.py"))
TOKENS = ("github.token", "github-token", "secrets.")


@pytest.mark.parametrize("file", EVERY_FILE, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_expression_is_inside_a_script(file: Path) -> None:
    assert [step["run"] for step in steps(file) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("file", EVERY_FILE, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_others_made_is_pinned_by_hash_with_its_version_beside_it(file: Path) -> None:
    for uses in re.findall(r"uses: (\S.*)", file.read_text(encoding="utf-8")):
        if not uses.startswith(("./", "pytest-memguard/pytest-memguard")):
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", uses), uses


def test_there_is_a_stub_for_exactly_what_is_used() -> None:
    used = {name.partition("@")[0].rpartition("/")[2] for name in pinned_actions(EVERY_FILE)}
    ours = {"accept", "pytest-memguard"}  # the action itself, as users name it
    assert used - ours - {"checkout"} == {path.name for path in STUBS.iterdir()}, "act brings checkout itself"


def test_the_token_is_in_the_environment_of_the_comment_step_alone() -> None:
    having = {step["id"] for step in STEPS if any(word in json.dumps(step.get("env", {})) for word in TOKENS)}
    assert having == {"comment"}
    assert not any(word in json.dumps(step.get("with", {})) for step in STEPS for word in TOKENS)
    assert all("env" not in ACTION[part] for part in ("runs",)), "an environment of all steps would have it"


def test_every_input_is_read_and_every_output_is_set_by_a_step() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert {name for name in ACTION["inputs"] if f"inputs.{name} " not in text} == set()
    ids = {step["id"] for step in STEPS if "id" in step}
    assert {
        re.findall(r"steps\.([\w-]+)", output["value"])[0] for output in ACTION["outputs"].values()
    } <= ids


def test_a_condition_on_an_input_compares_it() -> None:
    """The text `false` is true by itself."""
    conditions = [step["if"] for step in STEPS if "inputs." in step.get("if", "")]
    assert conditions
    assert all(re.search(r"inputs\.[\w-]+ [!=]= ", condition) for condition in conditions)


def test_reports_are_there_before_the_verdict_is_enforced() -> None:
    names = [step.get("id", "enforce") for step in STEPS]
    assert names == ["check", "install", "run", "report", "upload", "comment", "enforce"]
    assert all("always()" in step["if"] for step in STEPS[names.index("report") :])


def test_defaults_of_the_action_override_nothing_that_the_project_configures() -> None:
    configured = ("paths", "args", "baseline", "mode", "fail-on", "rerun", "python", "version", "base-ref")
    assert {name: ACTION["inputs"][name]["default"] for name in configured} == dict.fromkeys(configured, "")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_no_step_reads_what_only_act_sets_or_writes_what_later_steps_obey(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    named = re.findall(r"(?:environ(?:\.get)?[\[(]|getenv\()[\"'](INPUT_\w*|GITHUB_ENV|GITHUB_PATH)", text)
    assert named == []
    assert not re.search(r"::(set-env|add-path|set-output|save-state)", text)


@pytest.mark.parametrize("file", workflow_files(ROOT), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_workflow_gives_inputs_that_the_action_has(file: Path) -> None:
    for step in steps(file):
        uses = step.get("uses", "").partition("@")[0]
        if uses == "./" or uses.startswith("pytest-memguard/"):
            name = ACTIONS[1] if uses.endswith("/accept") else ACTIONS[0]
            known = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))["inputs"]
            assert set(step.get("with", {})) <= set(known)
