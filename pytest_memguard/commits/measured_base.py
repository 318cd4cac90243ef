"""Compares two commits without a baseline, by measuring both here with this commit's tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_memguard.commits.git import RevisionError, resolve_commit, run_git, text_of_git, top_of
from pytest_memguard.commits.module_origins import TEST_FILES, noted, noting
from pytest_memguard.core.errors import NothingToJudgeError
from pytest_memguard.storage.captures import keep_all_as_before
from pytest_memguard.storage.names import baseline_files

Execute = Callable[[Sequence[str], Path, Mapping[str, str]], int]
"""Runs pytest with these further arguments in a folder and an environment; returns its exit code."""

_NO_TESTS = 5
_INTERRUPTED = 2
_TESTS_FAILED = 1


@dataclass(frozen=True, slots=True)
class BaseMeasured:
    """The result of measuring the other commit: its id, and the folder with its numbers as a baseline."""

    commit: str
    baseline_dir: Path
    sentence: str = ""


@contextlib.contextmanager
def worktree(repository: Path, commit: str) -> Iterator[Path]:
    """Check out a commit in a temporary folder beside this one."""
    with tempfile.TemporaryDirectory(prefix="memguard-base-") as folder:
        path = Path(folder).resolve() / "base"
        added = run_git(repository, "worktree", "add", "--detach", "--quiet", str(path), commit)
        if added.returncode != 0:
            said = added.stderr.decode("utf-8", "surrogateescape").strip()
            raise RevisionError(f"git cannot check {commit[:12]} out: {said}")
        try:
            yield path
        finally:
            run_git(repository, "worktree", "remove", "--force", str(path))


def lay_tests_over(project: Path, base: Path, paths: Sequence[str]) -> None:
    """Put this commit's tests into the other commit's folder, so that both run the same ones.

    The named paths, `tests` and `test` are copied, and test files and conftests elsewhere, which are
    recognized by their names. A test that only the other commit has is removed with its folder.
    """
    named = [path.split("::", 1)[0] for path in paths] or ["tests", "test"]
    for name in named:
        source, target = (project / name).resolve(), base / name
        if project.resolve() not in source.parents or not source.exists():
            continue
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".memguard"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for pattern in TEST_FILES:
        for source in _tracked(project, pattern):
            target = base / source.relative_to(project)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _tracked(project: Path, pattern: str) -> list[Path]:
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", f":(glob)**/{pattern}")
    files = [project / name for name in (text_of_git(project, *words) or "").split("\0") if name]
    return [file for file in files if file.is_file() and not file.is_symlink()]


def base_environment(base: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables with which the other commit's code is imported, not the installed."""
    first = [str(folder) for folder in (base / "src", base) if folder.is_dir()]
    kept = [part for part in (environ.get("PYTHONPATH", ""),) if part]
    return {**environ, "PYTHONPATH": os.pathsep.join([*first, *kept])}


def measure_base(
    project: Path, name: str, *, paths: Sequence[str], into: Path, execute: Execute
) -> BaseMeasured:
    """Measure another commit with this project's tests and keep its numbers as a baseline.

    The baseline is written to `into`; `execute` runs pytest with further arguments, in a folder and
    an environment, and returns its exit code. A test that fails there has no number, and is new
    here. The captures taken there become the project's earlier ones.
    Raises `NothingToJudgeError` where nothing could be measured there.
    """
    repository = top_of(project)
    if repository is None:
        raise RevisionError(f"{project} is in no git repository; comparing commits needs one.")
    commit = resolve_commit(repository, name)
    _refuse_itself(repository, project, commit, name)
    with worktree(repository, commit) as checkout:
        base = checkout / project.resolve().relative_to(repository)
        if not base.is_dir():
            raise NothingToJudgeError(
                f"{commit[:12]} has no folder {base.relative_to(checkout)}. Name a commit that has it."
            )
        lay_tests_over(project, base, paths)
        environ = base_environment(base, os.environ)
        origins = checkout.parent / "origins.jsonl"
        environ |= noting(origins, checkout=base, this_tree=project.resolve())
        accepting = ["--memguard-accept", f"--memguard-baseline={into}", "--continue-on-collection-errors"]
        accepting.append("--memguard-profiles=all")
        exit_code = execute(
            ["-p", "pytest_memguard.commits.module_origins", *accepting, "--", *paths], base, environ
        )
        _refuse_other_code(origins, commit)
        keep_all_as_before(base, project)
    return BaseMeasured(commit, into, _base_sentence(commit, exit_code, into))


def _refuse_other_code(origins: Path, commit: str) -> None:
    """Refuse a run that imported this tree's code, or an installed copy, instead of the other commit's."""
    own, foreign = noted(origins)
    if not origins.exists() or (own and not foreign):
        return  # a run that ended earlier is judged by its exit code
    found = f"{', '.join(foreign[:5])} came from this tree" if foreign else "none of its code was imported"
    raise RevisionError(
        f"the tests on {commit[:12]} did not run its own code ({found}), so the comparison would be of one "
        "commit with itself. Let pytest import the project from its checkout: as `src` or flat layout, or "
        "with `pythonpath` in pytest's settings."
    )


def _refuse_itself(repository: Path, project: Path, commit: str, name: str) -> None:
    """Refuse to compare a commit with itself, since nothing would ever grow."""
    if commit != resolve_commit(repository, "HEAD"):
        return
    changed = text_of_git(project, "status", "--porcelain", "--untracked-files=all", "--", ".") or ""
    if not [line for line in changed.splitlines() if "/.memguard/" not in f"/{line[3:]}"]:
        raise NothingToJudgeError(
            f"{name!r} is the commit that is checked out, and no file has changed: there is nothing to "
            "compare. Name an earlier commit, after a push for example `github.event.before`."
        )


def _base_sentence(commit: str, exit_code: int, into: Path) -> str:
    """Say what the other commit lacks; `RevisionError` where pytest itself could not run there."""
    if exit_code not in (0, _TESTS_FAILED, _INTERRUPTED, _NO_TESTS):
        raise RevisionError(
            f"the tests could not run on {commit[:12]}: pytest ended with exit code {exit_code}. "
            "Its output is above."
        )
    if not any(baseline_files(into)):
        raise NothingToJudgeError(
            f"nothing could be measured on {commit[:12]} (pytest ended with exit code {exit_code}), "
            "so there is nothing to compare with. Name a commit on which these tests pass."
        )
    if exit_code == _TESTS_FAILED:
        return f"Some tests fail on {commit[:12]}; they have no number there and count as new."
    return ""
