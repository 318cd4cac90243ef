"""Test code runs without the token, and nothing that it prints or writes speaks for the step."""

from __future__ import annotations

from pathlib import Path

from tests.action import events
from tests.action.act_runner import make_repository, run_act
from tests.action.conftest import RunAction
from tests.action.consumer import shop_files, workflow
from tests.action.fake_api import TOKEN, FakeGitHub

FORGING = """\
import os
import pathlib
import sys
import pytest
import shop

FORGED = [
    "::set-output name=status::passed",
    "::error file=innocent.py,line=1::forged",
    "::warning::forged",
    "::add-mask::passed",
    "::save-state name=x::forged",
    "::set-env name=PATH::/nowhere",
    "::add-path::/nowhere",
    "::stop-commands::mine",
    "::mine::",
    "##[error]forged",
]
RUNNER_FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")

@pytest.mark.memguard
def test_build(capfd):
    with capfd.disabled():
        for line in FORGED:
            print(line, flush=True)
            print(line, file=sys.stderr, flush=True)
    for name in RUNNER_FILES:
        if name in os.environ:
            with open(os.environ[name], "a") as file:
                file.write("status=passed\\nforged=1\\n")
    evidence = pathlib.Path(os.environ["EVIDENCE"])
    (evidence / "environment").write_text("\\n".join(f"{k}={v}" for k, v in os.environ.items()))
    assert len(shop.build(200)) == 200
"""


def test_test_code_sees_no_token_and_changes_no_output(
    action: Path, accepted: dict[str, str], github: FakeGitHub, tmp_path: Path
) -> None:
    """The secret has a name of its own: act puts one called GITHUB_TOKEN into every step, GitHub does not."""
    inputs = {"comment": "always", "github-token": "${{ secrets.COMMENTING }}"}
    files = {**shop_files(size=6000, tests=FORGING), **accepted, **workflow(inputs)}
    run = run_act(
        tmp_path / "run",
        make_repository(tmp_path / "repo", files),
        action=action,
        event="pull_request",
        payload=events.pull_request(),
        environ={"GITHUB_API_URL": github.url},
        secrets={"COMMENTING": TOKEN},
    )
    assert run.exit_code == 1, str(run)
    assert run.outputs["status"] == "regressed"
    assert "forged" not in run.outputs
    assert [message.split(":")[0] for _, _, message in run.annotations] == ["tests/test_shop.py"]
    assert "forged" not in run.summary
    seen = (run.evidence / "environment").read_text(encoding="utf-8")
    assert "GITHUB_SHA=" in seen, "what the runner tells everybody is there"
    assert TOKEN not in seen
    assert "GITHUB_OUTPUT" not in seen
    assert len(github.comments) == 1, "the comment step had the token"


def test_the_same_forgery_works_on_a_bare_step(run_action: RunAction) -> None:
    """So the runner does obey these commands, and the test above is able to fail."""
    bare = """\
on: push
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - id: mg
        run: |
          echo 'status=regressed' >> "$GITHUB_OUTPUT"
          python -m pytest -q tests
"""
    run = run_action({**shop_files(tests=FORGING), ".github/workflows/gate.yml": bare})
    assert run.outputs["status"] == "passed", str(run)
    assert ("error", "forged") in [(kind, message) for kind, _, message in run.annotations]
