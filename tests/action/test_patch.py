"""The patch is one that git itself applies, whatever the files are called and hold."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_memguard.github.proposal import patch
from tests.action.act_runner import make_repository

NAMES = ["a.yml", "with space/b c.yml", "ünïcode/日本.yml", 'quo"te.yml', "tab\there.yml", "back\\slash.yml"]


def apply(repository: Path, text: str) -> None:
    subprocess.run(["git", "apply", "-"], cwd=repository, input=text.encode(), check=True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("one\ntwo\nthree\n", "one\n2\nthree\n"),
        ("no end", "no end\nbut more\n"),
        ("an end\n", "an end\nand none"),
        ("a\x0cb\x85c\u2028d\n", "a\x0cb\x85c\u2028e\n"),
        ("\n".join(map(str, range(100))), "\n".join(map(str, range(1, 101)))),
    ],
)
def test_a_change_applies(tmp_path: Path, name: str, before: str, after: str) -> None:
    repository = make_repository(tmp_path, {name: before})
    apply(repository, patch({name: before}, {name: after}))
    assert (repository / name).read_bytes().decode() == after


@pytest.mark.parametrize("name", NAMES)
def test_a_new_and_a_removed_file_apply(tmp_path: Path, name: str) -> None:
    repository = make_repository(tmp_path, {"gone/x.yml": "old\n"})
    apply(repository, patch({"gone/x.yml": "old\n"}, {name: "new\nfile\n"}))
    assert (repository / name).read_text() == "new\nfile\n"
    assert not (repository / "gone/x.yml").exists()


def test_no_change_is_no_patch() -> None:
    assert patch({"a": "x\n"}, {"a": "x\n"}) == ""
