"""Inputs are read strictly: what cannot be used is named with what is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_memguard.github.inputs import InputError, Inputs, from_json, read_inputs, to_json

ACCEPTED = {
    "MG_PATHS": "tests/a b.py\n\n tests/ü ",
    "MG_ARGS": "-k\nnot (slow or x)\n--color=yes",
    "MG_FAIL_ON": "regression, new",
    "MG_MODE": "advisory",
    "MG_RERUN": "2",
    "MG_COMMENT": "on-change",
    "MG_COMMENT_ID": "ubuntu-latest 3.11 (x)",
    "MG_BASE_REF": "origin/main",
    "MG_VERSION": "1.2.0rc1",
    "MG_ALLOW_EMPTY": "true",
    "MG_ANNOTATIONS": "false",
    "MG_RETENTION_DAYS": "7",
}
REFUSED = [
    ("MG_PATHS", "--collect-only", "paths: '--collect-only' starts with a dash"),
    ("MG_MODE", "chekc", "mode: 'chekc' is not a choice, did you mean 'check'?"),
    ("MG_FAIL_ON", "regresion", "did you mean 'regression'?"),
    ("MG_FAIL_ON", "none,new", "'none' cannot be combined"),
    ("MG_RERUN", "9", "rerun: '9' is not a number from 0 to 5"),
    ("MG_RERUN", "-1", "is not a number"),
    ("MG_VERSION", "1.0; touch x", "is not a version"),
    ("MG_VERSION", "git+https://evil.example/x", "is not a version"),
    ("MG_BASE_REF", "--upload-pack=x", "is not a branch, tag or commit"),
    ("MG_BASE_REF", "a b", "is not a branch, tag or commit"),
    ("MG_COMMENT", "sometimes", "comment: 'sometimes' is not a choice"),
    ("MG_COMMENT_ID", "x --> y", "comment-id: 'x --> y' is not a name"),
    ("MG_ARTIFACT_NAME", "a/b", "artifact-name: 'a/b' is not a name"),
    ("MG_SUMMARY", "yes", "summary: 'yes' is not a choice"),
    ("MG_BASELINE", "../outside", "baseline: "),
    ("MG_WORKING_DIRECTORY", "..", "working-directory: '..' leads out of"),
    ("MG_WORKING_DIRECTORY", "/etc", "working-directory: '/etc' leads out of"),
    ("MG_WORKING_DIRECTORY", "missing", "there is no folder 'missing' in the workspace"),
    ("MG_WORKING_DIRECTORY", "a\nb", "has several lines"),
    ("MG_ARGS", "a\x00b", "args: 'a\\x00b' holds a control character"),
    ("MG_ARGS", "a\rb", "args: 'a\\rb' holds a control character"),
    ("MG_RETENTION_DAYS", "4000", "is not a number from 0 to 400"),
]


def test_empty_inputs_leave_everything_to_the_project(tmp_path: Path) -> None:
    assert read_inputs({}, tmp_path) == (Inputs(), [])


def test_accepted_inputs_are_read_and_survive_the_way_to_the_next_step(tmp_path: Path) -> None:
    inputs, problems = read_inputs(ACCEPTED, tmp_path)
    assert problems == []
    assert inputs.paths == ("tests/a b.py", "tests/ü")
    assert inputs.args == ("-k", "not (slow or x)", "--color=yes")
    assert inputs.outcomes_that_fail == ("grew", "over-limit", "leaked", "new")
    assert inputs.allow_empty
    assert not inputs.annotations
    assert from_json(to_json(inputs)) == inputs


@pytest.mark.parametrize(("name", "value", "message"), REFUSED)
def test_an_input_that_cannot_be_used_is_named(name: str, value: str, message: str, tmp_path: Path) -> None:
    _, problems = read_inputs({name: value}, tmp_path)
    assert len(problems) == 1
    assert message in problems[0]


def test_every_wrong_input_is_named_at_once(tmp_path: Path) -> None:
    _, problems = read_inputs({"MG_MODE": "x", "MG_RERUN": "x", "MG_COMMENT": "x"}, tmp_path)
    assert [problem.split(":")[0] for problem in problems] == ["mode", "rerun", "comment"]


def test_a_working_directory_behind_a_link_out_of_the_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "link").symlink_to(tmp_path)
    _, problems = read_inputs({"MG_WORKING_DIRECTORY": "link"}, tmp_path / "work")
    assert problems
    assert "leads out of" in problems[0]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"nope": 1}', "null"])
def test_a_configuration_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not what the first step wrote"):
        from_json(text)
