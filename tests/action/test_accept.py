"""`/memguard accept` against a GitHub on loopback: what is committed, and what is refused and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.github.steps import accept as step_accept
from pytest_memguard.storage.results import results_text
from tests.action import events
from tests.action.act_runner import example, make_repository, run_act
from tests.action.fake_api import HEAD, TOKEN, FakeGitHub, archive
from tests.action.test_commands import read_outputs
from tests.reports.made_results import ENVIRONMENT, result, run

FILE = f".memguard/baseline/{ENVIRONMENT}/tests/test_cache.py.yml"
GREW = run(result(outcome=Outcome.GREW, measured=50_541_363), result("tests/test_cache.py::test_other"))
RESULTS = results_text(GREW)
Accept = Callable[..., dict[str, str]]


def changed(**values: Any) -> str:
    """Return the results with fields of the file, or of its first test, replaced."""
    data = json.loads(RESULTS)
    data.update({name: value for name, value in values.items() if name != "id"})
    data["tests"][0].update({name: value for name, value in values.items() if name == "id"})
    return json.dumps(data)


@pytest.fixture
def accept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, github: FakeGitHub) -> Accept:
    """Run the step for a comment; returns its outputs."""
    github.artifacts = {"memguard-linux": archive({"results.json": RESULTS})}

    def carry_out(comment: str = "/memguard accept", **variables: str) -> dict[str, str]:
        given = {
            "MG_TOKEN": TOKEN,
            "MG_API_URL": github.url,
            "MG_REPOSITORY": "acme/app",
            "MG_WORKFLOW": "memory.yml",
            "MG_BASELINE": ".memguard/baseline",
            "MG_ARTIFACT_PREFIX": "memguard",
            "MG_PULL_REQUEST": "7",
            "MG_IS_PULL_REQUEST": "true",
            "MG_COMMENT_BODY": comment,
            "MG_COMMENT_TIME": "2026-01-02T00:00:00Z",
            "MG_ACTOR": "maintainer",
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            **variables,
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        assert step_accept.step() == 0
        return read_outputs(tmp_path / "output")

    return carry_out


def test_what_grew_is_committed_on_top_of_the_head_that_was_measured(
    accept: Accept, github: FakeGitHub
) -> None:
    github.files[FILE] = (
        "format: 1\ntests:\n  test_lookup:\n    peak: 32_505_856\n  test_kept:\n    peak: 5\n"
    )
    assert accept("/memguard accept --note cache holds 10k entries") == {
        "status": "accepted",
        "commit": "2" * 40,
    }
    (commit,) = github.committed
    assert commit["tree"]["base_tree"] == f"tree-of-{HEAD}"
    assert commit["commit"]["parents"] == [HEAD]
    assert commit["branch"] == "feature/x"
    ((path, text),) = [(entry["path"], entry["content"]) for entry in commit["tree"]["tree"]]
    assert path == FILE
    assert "peak: 50_541_363" in text
    assert "note: cache holds 10k entries" in text
    assert "test_kept:\n    peak: 5" in text, "what was not accepted stays"
    assert "test_other" not in text
    assert "peak 31.0 MiB -> 48.2 MiB" in github.comments[0]["body"]


def test_a_pattern_accepts_only_what_it_fits(accept: Accept, github: FakeGitHub) -> None:
    more = run(
        result(outcome=Outcome.GREW, measured=50_541_363),
        result("t.py::b", Outcome.GREW, measured=50_541_363),
    )
    github.artifacts = {"memguard-linux": archive({"results.json": results_text(more)})}
    accept("/memguard accept 't.py::*'")
    assert [entry["path"] for entry in github.committed[0]["tree"]["tree"]] == [
        f".memguard/baseline/{ENVIRONMENT}/t.py.yml"
    ]


def test_each_environment_gets_its_own_file(accept: Accept, github: FakeGitHub) -> None:
    other = results_text(replace(GREW, environment="cpython-3.13-macos-arm64"))
    github.artifacts["memguard-mac"] = archive({"results.json": other})
    accept()
    assert len(github.committed[0]["tree"]["tree"]) == 2


def test_nothing_to_accept_makes_no_commit(accept: Accept, github: FakeGitHub) -> None:
    github.artifacts = {"memguard": archive({"results.json": results_text(run(result()))})}
    assert accept()["status"] == "nothing-to-accept"
    assert github.committed == []


@pytest.mark.parametrize(
    "variables",
    [
        {"MG_IS_PULL_REQUEST": "false"},
        {"MG_COMMENT_BODY": "looks good"},
        {"MG_COMMENT_BODY": "x /memguard accept"},
    ],
)
def test_a_comment_for_somebody_else_is_ignored(
    variables: dict[str, str], accept: Accept, github: FakeGitHub
) -> None:
    assert accept(**variables)["status"] == "ignored"
    assert github.requests == []


REQUESTS = [
    ("/memguard", "is not a request; write"),
    ("/memguard acept", "is not a request; write"),
    ("/memguard accept --all", "there is no option"),
    ("/memguard accept --note", "--note has no text"),
    ('/memguard accept "x', "cannot be read"),
    ("/memguard accept tests/test_nothing.py", "no test of the last run matches"),
]


@pytest.mark.parametrize(("comment", "reason"), REQUESTS)
def test_a_request_that_cannot_be_read_is_answered(
    comment: str, reason: str, accept: Accept, github: FakeGitHub
) -> None:
    assert_refused(accept(comment), github, reason)


def assert_refused(outputs: dict[str, str], github: FakeGitHub, reason: str) -> None:
    """Nothing is committed and the comment says why; escapes of its Markdown are not looked at."""
    assert outputs == {"status": "refused", "commit": ""}
    assert github.committed == [] or "branch" not in github.committed[-1]
    assert reason in github.comments[0]["body"].replace("\\", "").replace("\u200b", "")


def _pull(github: FakeGitHub, **values: Any) -> None:
    github.pull = {**github.pull, **values}


SITUATIONS: list[tuple[str, Callable[[FakeGitHub], object], str]] = [
    ("read", lambda github: setattr(github, "permission", "read"), "only somebody who may write"),
    ("none", lambda github: setattr(github, "permission", "none"), "only somebody who may write"),
    ("closed", lambda github: _pull(github, state="closed"), "is not open"),
    (
        "fork",
        lambda github: _pull(github, head={"repo": {"full_name": "mallory/app"}, "ref": "x", "sha": HEAD}),
        "in a fork",
    ),
    ("deleted fork", lambda github: _pull(github, head={"repo": None, "ref": "x", "sha": HEAD}), "in a fork"),
    ("no run", lambda github: setattr(github, "runs", []), "no run of memory.yml"),
    (
        "run of another commit",
        lambda github: github.runs[0].update(head_sha="9" * 40),
        "no run of memory.yml",
    ),
    (
        "run after the comment",
        lambda github: github.runs[0].update(created_at="2026-01-03T00:00:00Z"),
        "no run of memory.yml",
    ),
    ("no artifact", lambda github: github.artifacts.clear(), "0 artifacts whose name starts with"),
    ("branch moved", lambda github: setattr(github, "branch", "3" * 40), "the branch has moved since"),
    (
        "no permission to push",
        lambda github: github.refuse.update({("POST", "git/trees"): 403}),
        "answered 403",
    ),
]


@pytest.mark.parametrize(("name", "arrange", "reason"), SITUATIONS, ids=[row[0] for row in SITUATIONS])
def test_a_situation_in_which_nothing_may_be_accepted(
    name: str, arrange: Callable[[FakeGitHub], object], reason: str, accept: Accept, github: FakeGitHub
) -> None:
    arrange(github)
    assert_refused(accept(), github, reason)


ARTIFACTS: list[tuple[str, bytes, str]] = [
    ("no zip", b"PK\x03\x04 not really", "cannot be read"),
    ("a link", archive({"results.json": RESULTS}, links={"x": "/etc/passwd"}), "a symbolic link"),
    ("leads out", archive({"../results.json": RESULTS}), "leads out of it"),
    ("absolute", archive({"/tmp/results.json": RESULTS}), "leads out of it"),
    ("a drive", archive({"C:/results.json": RESULTS}), "leads out of it"),
    ("no results", archive({"other.json": RESULTS}), "no results"),
    ("no JSON", archive({"results.json": "{"}), "is not JSON"),
    ("another format", archive({"results.json": changed(format="memguard-results/9")}), "format"),
    ("environment out", archive({"results.json": changed(environment="../../.github")}), "environment"),
    ("many", archive({f"{number}/results.json": RESULTS for number in range(21)}), "accepted are 20"),
    ("bomb", archive({"results.json": b" " * (64 * 1024**2 + 1)}), "more than 67,108,864 bytes"),
]


@pytest.mark.parametrize(("name", "content", "reason"), ARTIFACTS, ids=[row[0] for row in ARTIFACTS])
def test_an_artifact_that_is_not_to_be_trusted_is_refused(
    name: str, content: bytes, reason: str, accept: Accept, github: FakeGitHub
) -> None:
    github.artifacts = {"memguard": content}
    assert_refused(accept(), github, reason)


@pytest.mark.parametrize(
    "module", ["../../../.github/workflows/x.yml", "/etc/x", "a/../../../b", ".git/hooks/x"]
)
def test_whatever_a_test_is_called_only_the_baseline_folder_is_written(
    module: str, accept: Accept, github: FakeGitHub
) -> None:
    github.artifacts = {"memguard": archive({"results.json": changed(id=f"{module}::test")})}
    accept()
    paths = [entry["path"] for commit in github.committed for entry in commit["tree"]["tree"]]
    assert all(path.startswith(f".memguard/baseline/{ENVIRONMENT}/") and ".." not in path for path in paths)


@pytest.mark.parametrize("folder", ["/etc", "../x", ".git/hooks", ""])
def test_a_baseline_outside_the_repository_is_refused(
    folder: str, accept: Accept, github: FakeGitHub
) -> None:
    assert_refused(accept(MG_BASELINE=folder), github, "is not a folder in the repository")


def test_the_workflow_that_users_copy_accepts(action: Path, github: FakeGitHub, tmp_path: Path) -> None:
    github.artifacts = {"memguard-linux": archive({"results.json": RESULTS})}
    ran = run_act(
        tmp_path / "run",
        make_repository(tmp_path / "repo", example("accept")),
        action=action,
        event="issue_comment",
        payload=events.issue_comment("/memguard accept --note $(touch canary) `touch canary`"),
        environ={"GITHUB_API_URL": github.url},
        token=TOKEN,
    )
    assert ran.exit_code == 0, str(ran)
    assert ran.outputs == {"status": "accepted", "commit": "2" * 40}
    assert github.branch == "2" * 40
    assert "$(touch canary) `touch canary`" in github.committed[0]["tree"]["tree"][0]["content"]


@pytest.mark.parametrize("on_pull_request", [True, False])
def test_the_workflow_does_nothing_for_other_comments(
    on_pull_request: bool, action: Path, github: FakeGitHub, tmp_path: Path
) -> None:
    body = "thanks!" if on_pull_request else "/memguard accept"
    ran = run_act(
        tmp_path / "run",
        make_repository(tmp_path / "repo", example("accept")),
        action=action,
        event="issue_comment",
        payload=events.issue_comment(body, on_pull_request=on_pull_request),
        environ={"GITHUB_API_URL": github.url},
        token=TOKEN,
    )
    assert ran.exit_code == 0, str(ran)
    assert github.requests == []


@pytest.mark.parametrize("note", ["", " --note ."])
def test_growth_needs_a_note_where_the_branch_wants_one_that_it_is_merged_into(
    note: str, accept: Accept, github: FakeGitHub
) -> None:
    github.files[FILE] = "format: 1\ntests:\n  test_lookup:\n    peak: 32_505_856\n"
    github.base_files["pyproject.toml"] = '[tool.memguard]\nrequire_note = "10%"\n'
    github.files["pyproject.toml"] = "[tool.memguard]\n"
    assert_refused(accept(f"/memguard accept{note}"), github, "needs a note")
    assert "a note must have at least" in github.comments[0]["body"]
    assert accept("/memguard accept --note cache holds 10k entries")["status"] == "accepted"


def test_only_files_of_tests_that_change_are_asked_for(accept: Accept, github: FakeGitHub) -> None:
    unchanged = [result(f"tests/test_{number}.py::test_ok") for number in range(50)]
    grew = result("tests/test_cache.py::test_lookup", Outcome.GREW, measured=50_541_363)
    github.artifacts = {"memguard-linux": archive({"results.json": results_text(run(grew, *unchanged))})}
    assert accept()["status"] == "accepted"
    asked = [path for _, path, _ in github.requests if "contents/.memguard" in path]
    assert len(asked) == 1
    assert asked[0].endswith("test_cache.py.yml")
