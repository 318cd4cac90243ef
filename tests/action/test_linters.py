"""The linters are content with the action and every workflow, and each would say what is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.action.act_runner import ROOT
from tests.action.linters import LINTERS
from tests.action.programs import found

LINTED = ("action.yml", "accept", ".github", "examples/workflows", "run", ".ci")
PINNED = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
PLANTED = [
    ("check-jsonschema", "action.yml", "      shell: bash\n", "", "runs"),
    ("check-jsonschema", "accept/action.yml", "icon: check-circle", "icon: brain", "brain"),
    ("check-jsonschema", "examples/workflows/minimal.yml", "runs-on:", "run-on:", "run-on"),
    ("jactionlint", "action.yml", "inputs.version !=", "inputs.versoin !=", "versoin"),
    ("jactionlint", "action.yml", "steps.check.outputs", "steps.chekc.outputs", "chekc"),
    ("jactionlint", "examples/workflows/sharded.yml", "needs: measure", "needs: measuer", "measuer"),
    ("jactionlint", ".github/workflows/ci.yml", "python-version", "pyhton-version", "pyhton-version"),
    ("zizmor", "action.yml", '"$MG_EXIT_CODE"', "${{ inputs.mode }}", "template-injection"),
    ("zizmor", ".github/workflows/ci.yml", PINNED, "actions/checkout@v7", "unpinned-uses"),
    ("zizmor", "examples/workflows/minimal.yml", "persist-credentials: false", "clean: true", "artipacked"),
    ("zizmor", "examples/workflows/fork-safe-comment.yml", "# zizmor: ignore", "# not", "dangerous-triggers"),
    ("shellcheck", "action.yml", '"$MG_EXIT_CODE"', "$MG_EXIT_CODE", "SC2086"),
    ("shellcheck", ".ci/run", 'cd "$(dirname "$0")/.."', "cd $(dirname $0)/..", "SC2046"),
]


@pytest.mark.parametrize(("ci", "ends"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_what_is_missing_fails_in_ci_and_is_skipped_elsewhere(
    ci: str, ends: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(ends, match="no-such-linter is not installed"):
        found("no-such-linter")


@pytest.mark.parametrize("name", LINTERS)
def test_a_linter_has_no_complaint(name: str) -> None:
    assert LINTERS[name](ROOT) == ""


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: f"{planted[0]}: {planted[-1]}")
def test_a_planted_violation_is_found(planted: tuple[str, str, str, str, str], tmp_path: Path) -> None:
    name, file, right, wrong, said = planted
    for part in LINTED:
        source, target = ROOT / part, tmp_path / part
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert right in text, "nothing would be planted"
    (tmp_path / file).write_text(text.replace(right, wrong, 1), encoding="utf-8")
    assert said in LINTERS[name](tmp_path)
