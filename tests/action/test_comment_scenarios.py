"""The pull-request comment, by act against a GitHub on loopback: posted, updated, refused, and from forks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.action import events
from tests.action.act_runner import ActRun, example, make_repository, run_act
from tests.action.consumer import TESTS, shop_files, workflow
from tests.action.fake_api import TOKEN, FakeGitHub

Gate = Callable[..., ActRun]
ALWAYS = {"comment": "always", "comment-id": "linux"}


@pytest.fixture
def on_pull_request(tmp_path: Path, action: Path, github: FakeGitHub) -> Gate:
    """Run the action on a pull request with a comment asked for."""

    def gate(files: dict[str, str], name: str, *, fork: bool = False, token: str = TOKEN) -> ActRun:
        repository = make_repository(tmp_path / f"{name}-repo", {**workflow(ALWAYS), **files})
        return run_act(
            tmp_path / name,
            repository,
            action=action,
            event="pull_request",
            payload=events.pull_request(fork=fork),
            environ={"GITHUB_API_URL": github.url},
            token=token,
        )

    return gate


def test_a_comment_is_created_then_updated_then_refused(
    on_pull_request: Gate, accepted: dict[str, str], github: FakeGitHub
) -> None:
    created = on_pull_request({**shop_files(size=6000), **accepted}, "created")
    assert created.exit_code == 1, str(created)
    assert created.outputs["comment-id"] == "900"
    assert created.outputs["comment-file-written"] == "false"
    (comment,) = github.comments
    assert comment["body"].startswith("<!-- pytest-memguard: linux -->\n## memguard: linux")
    assert "+195.7%" in comment["body"]
    updated = on_pull_request({**shop_files(), **accepted}, "updated")
    assert updated.exit_code == 0, str(updated)
    assert [one["id"] for one in github.comments] == [900]
    assert "Memory did not grow" in github.comments[0]["body"]
    github.refuse = {("PATCH", "comments"): 403}
    refused = on_pull_request({**shop_files(size=6000), **accepted}, "refused")
    assert refused.exit_code == 1
    assert refused.outputs["status"] == "regressed"
    assert refused.outputs["comment-file-written"] == "true"
    said = [message for kind, _, message in refused.annotations if kind == "notice"]
    assert said[0].startswith("No comment was written: this token may not comment")


def test_a_fork_without_a_token_gets_everything_but_the_comment(
    on_pull_request: Gate, accepted: dict[str, str], github: FakeGitHub
) -> None:
    run = on_pull_request({**shop_files(), **accepted}, "fork", fork=True, token="")
    assert run.exit_code == 0, str(run)
    assert run.outputs["status"] == "passed"
    assert run.outputs["comment-file-written"] == "true"
    assert "Memory did not grow" in run.summary
    assert github.comments == []


def test_the_second_workflow_comments_for_a_fork_from_the_results_alone(
    action: Path, accepted: dict[str, str], github: FakeGitHub, tmp_path: Path
) -> None:
    """Both are the examples that users copy; the second has neither a checkout nor the project."""
    hostile = TESTS.replace(
        "def test_build", '@pytest.mark.parametrize("x", [1], ids=["<img>@all"])\ndef test_build'
    )
    hostile = hostile.replace("test_build()", "test_build(x)")
    files = {**shop_files(size=6000, tests=hostile), **accepted, **example("fork-safe-measure")}
    measured = run_act(
        tmp_path / "measure",
        make_repository(tmp_path / "fork", files),
        action=action,
        event="pull_request",
        payload=events.pull_request(fork=True),
    )
    assert measured.outputs["status"] == "error", str(measured)  # the accepted name is gone, and said in CI
    (measured.store / next(measured.store.glob("memguard-*/")).name / "comment.md").write_text("forged")
    commented = run_act(
        tmp_path / "comment",
        make_repository(tmp_path / "main", example("fork-safe-comment")),
        action=action,
        event="workflow_run",
        payload=events.workflow_run(),
        environ={"GITHUB_API_URL": github.url},
        token=TOKEN,
        store=measured.store,
    )
    assert commented.exit_code == 0, str(commented)
    (comment,) = github.comments
    assert "`tests/test_shop.py::test_build[<img>@all]`" in comment["body"]
    assert "forged" not in comment["body"]
    assert "Advisory mode" not in comment["body"], "the first workflow was none"
    assert "test session starts" not in commented.stdout


def test_the_second_workflow_does_nothing_after_a_push(
    action: Path, github: FakeGitHub, tmp_path: Path
) -> None:
    run = run_act(
        tmp_path / "comment",
        make_repository(tmp_path / "main", example("fork-safe-comment")),
        action=action,
        event="workflow_run",
        payload=events.workflow_run("push"),
        environ={"GITHUB_API_URL": github.url},
        token=TOKEN,
    )
    assert run.exit_code == 0, str(run)
    assert github.requests == []
