"""What is written about the action is what it does: the reference, the guides and the README."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_memguard.github.inputs import FAIL_ON_GROUPS
from pytest_memguard.github.status import STATUSES
from tests.action.act_runner import ROOT, write_files
from tests.action.conftest import clean_environment
from tests.action.consumer import TESTS, shop_files

README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs/reference/action.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs/how-to/github-action.md").read_text(encoding="utf-8")
GITLAB = (ROOT / "docs/how-to/gitlab.md").read_text(encoding="utf-8")
INSTALL = "python -m pip install"


def metadata(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return read


def tables(text: str, word: str) -> list[list[list[str]]]:
    """Return the cells of each table whose first heading is this word."""
    found = re.findall(rf"^\| {word} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [[[cell.strip() for cell in row.split("|")[1:-1]] for row in one.splitlines()] for one in found]


@pytest.mark.parametrize(("number", "name"), [(0, "action.yml"), (1, "accept/action.yml")])
def test_every_input_and_output_is_in_the_reference_as_it_is_in_the_action(number: int, name: str) -> None:
    action = metadata(name)
    inputs = [[f"`{key}`", _default(value), value["description"]] for key, value in action["inputs"].items()]
    assert tables(REFERENCE, "input")[number] == inputs
    outputs = [[f"`{key}`", value["description"]] for key, value in action["outputs"].items()]
    assert tables(REFERENCE, "output")[number] == outputs


def test_the_readme_names_every_input_and_output_once() -> None:
    action = metadata("action.yml")
    for heading, names in (("inputs, all optional", action["inputs"]), ("outputs", action["outputs"])):
        (rows,) = tables(README, heading)
        named = [name for row in rows for name in re.findall(r"`([\w-]+)`", row[0])]
        assert sorted(named) == sorted(names)


def _default(value: dict[str, Any]) -> str:
    if value.get("required"):
        return "required"
    return f"`{value['default']}`" if value["default"] else ""


def test_every_status_and_every_word_of_fail_on_is_in_the_reference() -> None:
    (rows,) = tables(REFERENCE, "status")
    assert {row[0].strip("`") for row in rows} == set(STATUSES)
    for word in STATUSES:
        assert word in metadata("action.yml")["outputs"]["status"]["description"]
    assert all(f"`{word}`" in REFERENCE for word in FAIL_ON_GROUPS if word != "none")
    assert all(word in metadata("action.yml")["inputs"]["fail-on"]["description"] for word in FAIL_ON_GROUPS)


def test_the_guide_names_every_workflow_that_users_copy() -> None:
    named = set(re.findall(r"examples/workflows/([\w-]+\.yml)", GUIDE))
    assert named == {path.name for path in (ROOT / "examples/workflows").iterdir()}


@pytest.mark.parametrize("text", [REFERENCE, GUIDE, GITLAB], ids=["reference", "guide", "gitlab"])
def test_every_block_of_yaml_can_be_read(text: str) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert all(isinstance(yaml.safe_load(block), dict | list) for block in blocks)


def run_gitlab(job: dict[str, Any], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a job's script as GitLab does, in one shell, without its installation."""
    lines = ["set -eo pipefail", *(line for line in job["script"] if not line.startswith(INSTALL))]
    lines += ["set +e", "code=$?", *job.get("after_script", ())]
    path = f"{Path(sys.executable).parent}:{clean_environment()['PATH']}"
    environ = {**clean_environment(), "PATH": path, "CI": "true", **variables}
    return subprocess.run(
        ["bash", "-c", "\n".join(lines)], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def test_the_jobs_for_gitlab_gate_and_report(accepted: dict[str, str], tmp_path: Path) -> None:
    simple, sharded, _ = (
        yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", GITLAB, re.DOTALL)
    )
    write_files(tmp_path, {**shop_files(), **accepted})
    passed = run_gitlab(simple["memory"], tmp_path)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "Memory did not grow" in (tmp_path / "memguard.md").read_text(encoding="utf-8")
    write_files(tmp_path, {"shop.py": shop_files(size=6000)["shop.py"], "tests/core/test_core.py": TESTS})
    (tmp_path / "tests/api").mkdir()
    (tmp_path / "tests/test_shop.py").rename(tmp_path / "tests/api/test_shop.py")
    for file in tmp_path.glob(".memguard/baseline/*/tests/test_shop.py.yml"):
        for part in ("api/test_shop.py.yml", "core/test_core.py.yml"):
            write_files(file.parent, {part: file.read_text(encoding="utf-8")})
    for part in ("api", "core"):
        assert run_gitlab(sharded["memory"], tmp_path, PART=part).returncode == 1
    report = run_gitlab(sharded["memory report"], tmp_path)
    assert report.returncode == 1, report.stdout + report.stderr
    assert "Memory grew in 2 of 2 guarded tests" in (tmp_path / "memguard.md").read_text(encoding="utf-8")
