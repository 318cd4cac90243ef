"""Hostile values in every place that somebody else can write to: none of them is ever run.

The vulnerable twin of the action, which puts values into its scripts, shows that each test can fail.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_memguard.core.environment import environment_key
from tests.action import events
from tests.action.act_runner import ROOT, ActRun, make_repository, run_act
from tests.action.consumer import TESTS, USES, shop_files
from tests.action.linters import action_files

TWIN = Path(__file__).parent / "vulnerable_twin"
INPUTS = list(yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"])
CONTEXTS = {
    "title": "${{ github.event.pull_request.title }}",
    "branch": "${{ github.head_ref }}",
    "label": "${{ github.event.pull_request.head.label }}",
}


def hostile(name: str) -> str:
    """Return text that makes a file called `canary-NAME` wherever a shell reads it; it holds no slash."""
    touch = f"cd $EVIDENCE; touch canary-{name}"
    return f'$({touch})"; {touch}; echo "`{touch}`'


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory, action: Path) -> Path:
    """The action with its scripts replaced by careless ones."""
    folder = tmp_path_factory.mktemp("twin") / "action"
    shutil.copytree(action, folder)
    shutil.copy(TWIN / "action.yml", folder / "action.yml")
    return folder


def workflow(steps: list[dict[str, Any]]) -> dict[str, str]:
    """Return a workflow of these steps after a checkout; JSON is YAML."""
    checkout = {"uses": "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"}
    document = {
        "on": ["push", "pull_request"],
        "permissions": {"contents": "read"},
        "jobs": {"gate": {"runs-on": "ubuntu-latest", "steps": [checkout, *steps]}},
    }
    return {".github/workflows/gate.yml": json.dumps(document)}


def step(**inputs: str) -> dict[str, Any]:
    return {"uses": USES, "continue-on-error": True, "with": inputs}


def canaries(run: ActRun) -> set[str]:
    return {path.name.removeprefix("canary-") for path in run.evidence.glob("canary-*")}


def in_every_input(tmp: Path, action: Path, steps: list[dict[str, Any]]) -> ActRun:
    repository = make_repository(tmp / "repo", {**shop_files(), **workflow(steps)})
    return run_act(tmp / "run", repository, action=action)


def test_a_hostile_input_is_not_run(action: Path, tmp_path: Path) -> None:
    run = in_every_input(tmp_path, action, [step(**{name: hostile(name)}) for name in INPUTS])
    assert str(run).count("Run Main Check the inputs") == len(INPUTS), str(run)
    assert canaries(run) == set()


def test_a_hostile_input_is_run_by_the_vulnerable_twin(twin: Path, tmp_path: Path) -> None:
    all_at_once = step(**{name: hostile(name) for name in INPUTS})  # each has a script of its own there
    assert canaries(in_every_input(tmp_path, twin, [all_at_once])) == set(INPUTS)


def in_the_event(tmp: Path, action: Path) -> ActRun:
    """A user passes on what the author of a pull request wrote; the twin takes it from the event itself."""
    steps = [step(**{name: context}) for context in CONTEXTS.values() for name in ("args", "comment-id")]
    payload = events.pull_request(fork=True, title=hostile("title"), branch=hostile("branch"))
    payload["pull_request"]["head"]["label"] = hostile("label")
    repository = make_repository(tmp / "repo", {**shop_files(), **workflow(steps)})
    return run_act(tmp / "run", repository, action=action, event="pull_request", payload=payload)


def test_a_hostile_branch_or_title_is_not_run(action: Path, tmp_path: Path) -> None:
    assert canaries(in_the_event(tmp_path, action)) == set()


def test_a_hostile_branch_or_title_is_run_by_the_vulnerable_twin(twin: Path, tmp_path: Path) -> None:
    assert canaries(in_the_event(tmp_path, twin)) == set(CONTEXTS)


IDS = f"""\
@pytest.mark.parametrize("size", [200], ids=[{hostile("id")!r}])
def test_build(size):
    assert len(shop.build(size)) == 200
"""


def in_what_is_tested(tmp: Path, action: Path) -> ActRun:
    """A test's id, its file's name and its folder's; it grows, so that all of them are shown."""
    tests = TESTS.replace("def test_build():\n    assert len(shop.build(200)) == 200\n", IDS)
    files = shop_files(tests=tests.replace("memguard\n", "memguard(max_peak='1 KiB')\n", 1))
    files[f"tests/{hostile('folder')}/test_{hostile('file')}.py"] = files.pop("tests/test_shop.py")
    inputs = {"fail-on": "regression", "rerun": "1", "python": "python"}
    repository = make_repository(tmp / "repo", {**files, **workflow([{**step(**inputs), "id": "mg"}])})
    return run_act(tmp / "run", repository, action=action)


def test_a_hostile_test_id_or_file_name_is_not_run(action: Path, tmp_path: Path) -> None:
    run = in_what_is_tested(tmp_path, action)
    assert run.outputs["status"] == "regressed", str(run)
    assert run.outputs["regressions"] == "1"
    assert "canary-id" in run.summary, "the id is shown"
    assert canaries(run) == set()


def test_a_hostile_test_id_or_file_name_is_run_by_the_vulnerable_twin(twin: Path, tmp_path: Path) -> None:
    assert canaries(in_what_is_tested(tmp_path, twin)) == {"id", "file", "folder"}


def in_an_artifact(tmp: Path, action: Path) -> ActRun:
    """Results of another job, in which every text is hostile."""
    forged = "\n::set-output name=status::passed\n::error::forged\nstatus=passed\n"
    text = hostile("artifact") + forged
    test = {
        "id": f"tests/test_x.py::{text}",
        "outcome": "grew",
        "reason": text,
        "meter": "memray",
        "samples": 1,
        "metrics": {"peak": {"measured": 9_000_000, "baseline": 1, "limit": 2, "outcome": "grew"}},
        "sites": [{"file": text, "line": 1, "function": text, "bytes": 9, "grew_by": 9}],
        "note": text,
        "fails": True,
    }
    results = {
        "format": "memguard-results/1",
        "environment": environment_key(),
        "meter": text,
        "tests": [test],
    }
    files = {**shop_files(), "incoming/results.json": json.dumps(results)}
    steps = [{**step(results="incoming"), "id": "mg"}]
    return run_act(tmp / "run", make_repository(tmp / "repo", {**files, **workflow(steps)}), action=action)


def test_a_hostile_artifact_is_not_run_and_sets_nothing(action: Path, tmp_path: Path) -> None:
    run = in_an_artifact(tmp_path, action)
    assert run.outputs["status"] == "regressed", str(run)
    assert "forged" not in [message for _, _, message in run.annotations]
    assert canaries(run) == set()


def test_a_hostile_artifact_is_run_by_the_vulnerable_twin(twin: Path, tmp_path: Path) -> None:
    assert canaries(in_an_artifact(tmp_path, twin)) == {"artifact"}


def test_the_twin_has_every_input_of_the_action() -> None:
    (found,) = {tuple(yaml.safe_load(file.read_text())["inputs"]) for file in [TWIN / "action.yml"]}
    assert list(found) == INPUTS
    assert TWIN / "action.yml" not in action_files(ROOT)
