"""`memguard compare REV` on a real repository: the growth between two commits, without a baseline."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.action.act_runner import commit_all, git, make_repository, write_files
from tests.action.consumer import TESTS, shop_files

Compared = subprocess.CompletedProcess[str]


def compare(repository: Path, *arguments: str) -> Compared:
    command = [str(Path(sys.executable).with_name("memguard")), "compare", *arguments]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project of two commits: `before`, and one after which its rows are three times as long."""
    made = make_repository(tmp_path / "repo", shop_files())
    git(made, "branch", "before")
    write_files(made, shop_files(size=6000))
    commit_all(made)
    return made


def test_growth_since_a_commit_is_found_and_leaves_nothing_behind(repository: Path) -> None:
    run = compare(repository, "before")
    assert run.returncode == 1, run.stdout + run.stderr
    assert re.search(r"grew +test_build +\S+ +peak \+\d+\.\d KiB \(\+19\d", run.stdout)
    assert not (repository / ".memguard/baseline").exists()
    assert git(repository, "worktree", "list").count("\n") == 1
    assert git(repository, "status", "--porcelain", "--", "shop.py", "tests") == ""
    memguard = str(Path(sys.executable).with_name("memguard"))
    drawn = subprocess.run(
        [memguard, "flamegraph", "tests"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert "-difference.html  the difference from" in drawn.stdout, "both commits were captured"


def test_changes_that_are_not_committed_are_compared_as_well(repository: Path) -> None:
    write_files(repository, shop_files(size=2000))
    run = compare(repository, "HEAD")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 improved" in run.stdout


def test_a_commit_is_not_compared_with_itself(repository: Path) -> None:
    run = compare(repository, "HEAD")
    assert run.returncode == 3
    assert "'HEAD' is the commit that is checked out, and no file has changed" in run.stderr


def test_a_test_that_the_other_commit_cannot_run_is_new(repository: Path) -> None:
    later = TESTS + "\n@pytest.mark.memguard\ndef test_later():\n    assert shop.later()\n"
    files = shop_files(tests=later)
    write_files(
        repository, {**files, "shop.py": files["shop.py"] + "\ndef later():\n    return [bytes(50_000)]\n"}
    )
    run = compare(repository, "before")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Some tests fail on" in run.stdout
    assert "1 new, 1 ok" in run.stdout


def test_only_the_named_tests_are_compared(repository: Path) -> None:
    write_files(repository, {"tests/test_other.py": TESTS.replace("test_build", "test_other")})
    run = compare(repository, "before", "tests/test_other.py")
    assert "test_other" in run.stdout
    assert "test_build" not in run.stdout


ELSEWHERE = [("repo", "shop came from this tree"), ("copy", "none of its code was imported")]


@pytest.mark.parametrize(("place", "said"), ELSEWHERE)
def test_code_that_is_imported_from_elsewhere_is_not_compared_with_itself(
    place: str, said: str, repository: Path, tmp_path: Path
) -> None:
    """A plugin of the project stands for an installation that comes first on the path."""
    write_files(tmp_path / "copy", {"shop.py": (repository / "shop.py").read_text(encoding="utf-8")})
    first = f"import sys\nsys.path.insert(0, {str(tmp_path / place)!r})\nimport shop\n"
    write_files(repository, {"conftest.py": first})
    run = compare(repository, "before")
    assert run.returncode == 2, run.stdout + run.stderr
    assert said in run.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("no-such-branch",), 2, "there is no commit 'no-such-branch' in this clone"),
        (("--", "-x"), 2, "'-x' is not a commit"),
        (("before", "--pytest=--no-such-option"), 2, "pytest ended with exit code 4"),
    ],
)
def test_what_cannot_be_compared_is_said(
    arguments: tuple[str, ...], code: int, said: str, repository: Path
) -> None:
    run = compare(repository, *arguments)
    assert run.returncode == code, run.stdout + run.stderr
    assert said in run.stderr


def test_a_folder_without_git_is_said(tmp_path: Path) -> None:
    write_files(tmp_path, shop_files())
    run = compare(tmp_path, "main")
    assert run.returncode == 2
    assert "is in no git repository" in run.stderr
