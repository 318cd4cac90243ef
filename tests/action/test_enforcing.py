"""The workflow beats the pull request: what the inputs say fails, whatever the checkout's files say."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from pytest_memguard.github.inputs import read_inputs
from pytest_memguard.github.status import Decision
from tests.action.act_runner import write_files
from tests.action.both_steps import measured_and_reported
from tests.action.conftest import clean_environment
from tests.action.consumer import PYPROJECT, shop_files

CHECK, FAIL_ON = {"MG_MODE": "check"}, {"MG_FAIL_ON": "regression"}
OWN = "\n[tool.memguard]\n"


def grown(accepted: dict[str, str], pyproject: str) -> dict[str, str]:
    """Return the files of a project whose test grew, with more in its pyproject.toml."""
    return {**shop_files(size=6000), **accepted, "pyproject.toml": PYPROJECT + pyproject}


def decided(
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    inputs: dict[str, str],
    files: dict[str, str],
) -> Decision:
    """Run the measuring step on a checkout and return what the reporting step decides."""
    write_files(workspace, files)
    for name in ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_VERSION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**clean_environment(), "CI": "true"}.items():
        monkeypatch.setenv(name, value)
    checked, problems = read_inputs({**inputs, "MG_ARGS": "-p\nno:cacheprovider"}, workspace)
    assert problems == []
    return measured_and_reported(checked, workspace, workspace.parent / "directory").decision


@pytest.mark.parametrize(
    ("inputs", "pyproject"),
    [
        (CHECK, f"{OWN}advisory = true\n"),
        (CHECK, f"{OWN}fail_on = []\n"),
        (CHECK, 'addopts = "--memguard-advisory"\n'),
        (FAIL_ON, 'addopts = "--memguard-advisory"\n'),
        (CHECK, 'addopts = "--memguard-accept"\n'),
        (CHECK, 'addopts = "--memguard-fail-on="\n'),
        (CHECK, f'{OWN}on_growth = "warn"\n'),
    ],
    ids=[
        "advisory",
        "fail_on",
        "addopts-advisory",
        "addopts-advisory-fail-on",
        "addopts-accept",
        "addopts-fail-on",
        "on_growth",
    ],
)
def test_no_file_of_the_checkout_lets_growth_pass(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    accepted: dict[str, str],
    inputs: dict[str, str],
    pyproject: str,
) -> None:
    decision = decided(tmp_path / "work", monkeypatch, inputs, grown(accepted, pyproject))
    assert (decision.status, decision.exit_code) == ("regressed", 1)


def test_a_workflow_that_says_nothing_leaves_it_to_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accepted: dict[str, str]
) -> None:
    decision = decided(tmp_path / "work", monkeypatch, {}, grown(accepted, f"{OWN}advisory = true\n"))
    assert (decision.status, decision.exit_code) == ("regressed", 0)


def test_what_the_checkout_lets_be_empty_is_not_empty_for_the_workflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accepted: dict[str, str]
) -> None:
    pyproject = f'addopts = "-k nothing"\n{OWN}allow_empty = true\n'
    decision = decided(tmp_path / "work", monkeypatch, CHECK, grown(accepted, pyproject))
    assert (decision.status, decision.exit_code) == ("no-tests", 1)


UNREPEATABLE = """
    import pytest

    @pytest.mark.memguard(leaks=True)
    def test_export(tmp_path_factory):
        (tmp_path_factory.getbasetemp() / "out").mkdir()
"""


@pytest.mark.parametrize("setting", ["advisory = true", "ci = false", "fail_on = ['grew']"])
def test_a_check_that_was_asked_for_and_not_made_fails_whatever_the_checkout_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accepted: dict[str, str], setting: str
) -> None:
    files = {**shop_files(), **accepted, "pyproject.toml": f"{PYPROJECT}{OWN}{setting}\n"}
    files["tests/test_export.py"] = dedent(UNREPEATABLE)
    decision = decided(tmp_path / "work", monkeypatch, CHECK, files)
    assert (decision.status, decision.exit_code) == ("error", 1)
    assert decision.sentence == "1 not-measured."
