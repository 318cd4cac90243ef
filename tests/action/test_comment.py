"""The comment step against a GitHub on loopback, without a runner: created, updated, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_memguard.github.steps import comment as step_comment
from pytest_memguard.github.steps import variable
from tests.action.fake_api import HEAD, TOKEN, FakeGitHub
from tests.action.test_commands import read_outputs

Step = pytest.MonkeyPatch


@pytest.fixture
def variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, github: FakeGitHub) -> pytest.MonkeyPatch:
    """The variables of the comment step, for pull request 7."""
    (tmp_path / "comment.md").write_text("## memguard\n\nfine\n", encoding="utf-8")
    given = {
        "MG_TOKEN": TOKEN,
        "MG_API_URL": github.url,
        "MG_REPOSITORY": "acme/app",
        "MG_COMMENT": "post",
        "MG_COMMENT_FILE": str(tmp_path / "comment.md"),
        "MG_COMMENT_KEY": "linux",
        "MG_PULL_REQUEST": "7",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def outputs(tmp_path: Path) -> dict[str, str]:
    return read_outputs(tmp_path / "output")


def test_a_first_comment_is_posted_and_a_second_run_updates_it(
    variables: Step, github: FakeGitHub, tmp_path: Path
) -> None:
    assert step_comment.step() == 0
    (tmp_path / "comment.md").write_text("## memguard\n\ngrew\n", encoding="utf-8")
    assert step_comment.step() == 0
    assert [comment["body"] for comment in github.comments] == [
        "<!-- pytest-memguard: linux -->\n## memguard\n\ngrew\n"
    ]
    assert outputs(tmp_path) == {"comment-id": "900", "comment-file-written": "false"}


def test_an_unchanged_comment_is_left_alone(variables: Step, github: FakeGitHub) -> None:
    step_comment.step()
    step_comment.step()
    assert [method for method, _, _ in github.requests if method in ("POST", "PATCH")] == ["POST"]


def test_each_id_has_a_comment_of_its_own(variables: Step, github: FakeGitHub) -> None:
    step_comment.step()
    variables.setenv("MG_COMMENT_KEY", "macos")
    step_comment.step()
    assert len(github.comments) == 2


def test_ours_is_found_behind_hundreds_of_others(variables: Step, github: FakeGitHub) -> None:
    user = {"login": "someone", "type": "User"}
    github.comments = [{"id": number, "body": "hi", "user": user} for number in range(250)]
    step_comment.step()
    step_comment.step()
    assert len(github.comments) == 251


def test_a_person_who_copies_the_marker_does_not_get_their_comment_overwritten(
    variables: Step, github: FakeGitHub
) -> None:
    copied = {
        "id": 1,
        "body": "<!-- pytest-memguard: linux -->\nmine",
        "user": {"login": "eve", "type": "User"},
    }
    github.comments = [copied]
    step_comment.step()
    assert github.comments[0]["body"].endswith("mine")
    assert len(github.comments) == 2


def test_a_token_of_a_person_updates_the_comment_of_that_person(variables: Step, github: FakeGitHub) -> None:
    github.login = "maintainer"
    step_comment.step()
    step_comment.step()
    assert len(github.comments) == 1


def test_an_update_only_run_posts_nothing_new(variables: Step, github: FakeGitHub, tmp_path: Path) -> None:
    variables.setenv("MG_COMMENT", "update")
    assert step_comment.step() == 0
    assert github.comments == []
    assert outputs(tmp_path)["comment-id"] == ""


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_refusal_is_a_notice_and_the_second_workflow_is_asked_for(
    status: int,
    variables: Step,
    github: FakeGitHub,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    github.refuse = {("POST", "comments"): status}
    assert step_comment.step() == 0
    said = capsys.readouterr().out
    assert said.startswith("::notice title=memguard::No comment was written: ")
    assert TOKEN not in said
    assert outputs(tmp_path) == {"comment-id": "", "comment-file-written": "true"}


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", ""])
def test_no_answer_is_a_notice(url: str, variables: Step, capsys: pytest.CaptureFixture[str]) -> None:
    variables.setenv("MG_API_URL", url)
    assert step_comment.step() == 0
    assert "No comment was written" in capsys.readouterr().out


@pytest.mark.parametrize("token", ["", "x\ny", "a\x00b", "é"])
def test_a_token_that_no_request_can_hold_is_a_notice_that_does_not_quote_it(
    token: str, variables: Step, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(step_comment, "variable", lambda name: token if name == "TOKEN" else variable(name))
    assert step_comment.step() == 0
    said = capsys.readouterr().out
    assert "No comment was written" in said
    assert not token.strip() or token not in said


def test_a_comment_is_never_longer_than_github_takes(
    variables: Step, github: FakeGitHub, tmp_path: Path
) -> None:
    (tmp_path / "comment.md").write_text("é" * 100_000, encoding="utf-8")
    step_comment.step()
    assert len(github.comments[0]["body"]) == 65_536


def test_after_a_workflow_run_the_number_comes_from_github(variables: Step, github: FakeGitHub) -> None:
    variables.setenv("MG_PULL_REQUEST", "")
    for name, value in (("OWNER", "mallory"), ("BRANCH", "feature/x"), ("SHA", HEAD)):
        variables.setenv(f"MG_HEAD_{name}", value)
    variables.setenv("MG_RUN_EVENT", "pull_request")
    step_comment.step()
    assert ("POST", "/repos/acme/app/issues/7/comments", f"Bearer {TOKEN}") in github.requests


@pytest.mark.parametrize(
    ("name", "value"), [("MG_RUN_EVENT", "push"), ("MG_HEAD_SHA", "3" * 40), ("MG_HEAD_OWNER", "eve")]
)
def test_a_run_that_is_of_no_open_pull_request_gets_no_comment(
    name: str, value: str, variables: Step, github: FakeGitHub
) -> None:
    variables.setenv("MG_PULL_REQUEST", "")
    given = {"OWNER": "mallory", "BRANCH": "feature/x", "SHA": HEAD}
    for part, right in given.items():
        variables.setenv(f"MG_HEAD_{part}", right)
    variables.setenv("MG_RUN_EVENT", "pull_request")
    variables.setenv(name, value)
    step_comment.step()
    assert github.comments == []


def test_the_marker_cannot_be_ended_by_its_id(variables: Step, github: FakeGitHub) -> None:
    variables.setenv("MG_COMMENT_KEY", "x --> <b>")
    step_comment.step()
    assert github.comments[0]["body"].startswith("<!-- pytest-memguard: x -- b -->\n")
