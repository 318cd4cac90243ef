"""The action executed by act: each way a run can end, with its status, exit code and reports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_memguard.core.environment import environment_key
from pytest_memguard.storage.results import read_results
from tests.action.act_runner import commit_all, git, make_repository, run_act, write_files
from tests.action.conftest import RunAction
from tests.action.consumer import TESTS, shop_files, workflow

ARTIFACT = f"memguard-{environment_key()}"
LEAK_TESTS = """\
import pytest

HELD = []

@pytest.mark.memguard(leaks=True)
def test_session():
    HELD.append(bytes(500))
"""
FAILING = "\n\ndef test_broken():\n    assert False, 'not about memory'\n"


def moved(files: dict[str, str], folder: str) -> dict[str, str]:
    """Put a project's files into a folder of a repository."""
    return {f"{folder}/{name}": text for name, text in files.items()}


def test_unchanged_code_passes(run_action: RunAction, accepted: dict[str, str]) -> None:
    run = run_action({**shop_files(), **accepted})
    assert run.exit_code == 0, run
    assert run.outputs["status"] == "passed"
    assert run.outputs["exit-code"] == "0"
    assert run.outputs["env-key"] == environment_key()
    assert run.outputs["proposed-baseline"] == ""
    assert "**Memory did not grow in 1 guarded test.**" in run.summary
    assert run.annotations == []


def test_growth_fails_with_the_line_the_numbers_and_a_proposed_baseline(
    run_action: RunAction, accepted: dict[str, str], tmp_path: Path
) -> None:
    run = run_action({**shop_files(size=6000), **accepted})
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "regressed"
    assert run.outputs["regressions"] == "1"
    assert run.outputs["max-growth-bytes"] == "800000"
    assert run.outputs["artifact-url"] == "https://github.example/artifacts/1"
    ((kind, place, message),) = run.annotations
    assert (kind, place["file"], place["line"]) == ("error", "shop.py", "4")
    assert "test_build: peak 1.2 MiB, was 399.2 KiB (+195.7%" in message
    assert run.summary.index("### What grew") < run.summary.index("All guarded tests")
    _the_artifact_makes_it_pass(run.store / ARTIFACT, {**shop_files(size=6000), **accepted}, tmp_path)


def _the_artifact_makes_it_pass(artifact: Path, files: dict[str, str], tmp_path: Path) -> None:
    """The patch applies, equals the proposed files, and what `memguard accept --from` writes."""
    repository = make_repository(tmp_path / "apply", files)
    subprocess.run(["git", "apply", str(artifact / "proposed.patch")], cwd=repository, check=True)
    patched = _baseline(repository / ".memguard/baseline")
    assert patched == _baseline(artifact / "proposed-baseline")
    git(repository, "checkout", "-q", ".")
    memguard = Path(sys.executable).with_name("memguard")
    command = [str(memguard), "accept", "--from", str(artifact / "results.json")]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)
    assert _baseline(repository / ".memguard/baseline") == patched
    assert read_results([artifact / "results.json"]).tests[0].fails
    assert (artifact / "summary.md").read_text(encoding="utf-8").startswith("## memguard")


def _baseline(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.yml")}


def test_a_leak_fails_without_any_entry_for_it(run_action: RunAction, accepted: dict[str, str]) -> None:
    run = run_action({**shop_files(), **accepted, "tests/test_leak.py": LEAK_TESTS})
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "regressed"
    assert "`tests/test_leak.py::test_session` **leaked**" in run.summary
    assert any(place.get("file") == "tests/test_leak.py" for _, place, _ in run.annotations)


def test_advisory_mode_reports_growth_and_fails_nothing(
    run_action: RunAction, accepted: dict[str, str]
) -> None:
    run = run_action({**shop_files(size=6000), **accepted}, {"mode": "advisory"})
    assert run.exit_code == 0, run
    assert run.outputs["status"] == "regressed"
    assert [kind for kind, _, _ in run.annotations] == ["warning"]
    assert "Advisory mode" in run.summary


def test_an_improvement_passes_and_is_proposed(run_action: RunAction, accepted: dict[str, str]) -> None:
    run = run_action({**shop_files(size=500), **accepted})
    assert run.exit_code == 0, run
    assert run.outputs["status"] == "improved"
    assert run.outputs["improvements"] == "1"
    assert (run.store / ARTIFACT / "proposed.patch").exists()


def test_an_improvement_can_be_asked_to_fail(run_action: RunAction, accepted: dict[str, str]) -> None:
    run = run_action({**shop_files(size=500), **accepted}, {"fail-on": "regression improvement"})
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "improved"


def test_a_missing_baseline_fails_and_the_first_one_is_proposed(run_action: RunAction) -> None:
    run = run_action(shop_files())
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "no-baseline"
    assert run.failed_with(f"Nothing is accepted for {environment_key()}.")
    assert "new file mode 100644" in (run.store / ARTIFACT / "proposed.patch").read_text()


def test_an_environment_without_baseline_is_told_from_no_baseline_at_all(
    run_action: RunAction, accepted: dict[str, str]
) -> None:
    other = {name.replace("cpython-3", "cpython-2"): text for name, text in accepted.items()}
    run = run_action({**shop_files(), **other})
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "env-mismatch"
    assert run.failed_with("there is a baseline for cpython-2")


def test_no_guarded_test_fails_unless_it_is_allowed(run_action: RunAction, accepted: dict[str, str]) -> None:
    unguarded = shop_files(tests="def test_nothing():\n    pass\n")
    run = run_action({**unguarded, **accepted}, {"paths": "tests"})
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "no-tests"
    run = run_action({**unguarded}, {"allow-empty": "true"}, name="allowed")
    assert run.exit_code == 0, run
    assert run.outputs["status"] == "no-tests"


def test_a_failing_test_that_is_no_memory_matter_is_told_apart(
    run_action: RunAction, accepted: dict[str, str]
) -> None:
    run = run_action({**shop_files(tests=TESTS + FAILING), **accepted}, {"allow-empty": "true"})
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "tests-failed"
    assert run.outputs["regressions"] == "0"


def test_a_usage_error_is_an_error_and_no_regression(run_action: RunAction, accepted: dict[str, str]) -> None:
    wrong = TESTS.replace("mark.memguard", "mark.memguard(tolerence='1%')")
    run = run_action({**shop_files(tests=wrong), **accepted})
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "error"
    assert run.outputs["exit-code"] == "4"
    assert "**Nothing was judged.** pytest ended with exit code 4." in run.summary


def test_a_wrong_input_is_named_before_anything_runs(run_action: RunAction) -> None:
    run = run_action(shop_files(), {"mode": "chekc", "rerun": "many"})
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "error"
    titles = [place["title"] for _, place, _ in run.annotations]
    assert titles == ["memguard input", "memguard input"]
    assert "test session starts" not in run.stdout


def test_a_monorepo_is_gated_in_its_working_directory_with_paths_of_the_repository(
    run_action: RunAction, accepted: dict[str, str]
) -> None:
    files = moved({**shop_files(size=6000), **accepted}, "services/shop")
    run = run_action(files, {"working-directory": "services/shop"})
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "regressed"
    assert run.annotations[0][1]["file"] == "services/shop/shop.py"
    patch = (run.store / ARTIFACT / "proposed.patch").read_text()
    assert f"--- a/services/shop/.memguard/baseline/{environment_key()}/tests/test_shop.py.yml" in patch


def test_paths_with_spaces_and_unicode_work_everywhere(
    run_action: RunAction, accepted: dict[str, str], tmp_path: Path
) -> None:
    project = {**shop_files(size=6000), **accepted}
    renamed = {name.replace("test_shop.py", "test_shöp ü 日本.py"): text for name, text in project.items()}
    files = moved(renamed, "my service/é")
    run = run_action(files, {"working-directory": "my service/é", "paths": "tests/test_shöp ü 日本.py"})
    assert run.outputs["status"] == "regressed", run
    assert run.annotations[0][1]["file"] == "my service/é/shop.py"
    repository = make_repository(tmp_path / "apply", files)
    subprocess.run(["git", "apply", str(run.store / ARTIFACT / "proposed.patch")], cwd=repository, check=True)


def test_more_than_ten_regressions_are_cut_worst_first(run_action: RunAction) -> None:
    many = """\
import pytest

@pytest.mark.memguard(max_peak="10 KiB")
@pytest.mark.parametrize("size", range(1, 16))
def test_many(size):
    assert bytes(size * 100_000)
"""
    run = run_action(shop_files(tests=many), {"fail-on": "regression"})
    assert run.outputs["regressions"] == "15", run
    errors = [message for kind, _, message in run.annotations if kind == "error"]
    assert len(errors) == 10
    assert "test_many[15]" in errors[0]
    assert "5 more tests are in the job summary." in [message for _, _, message in run.annotations]


def test_a_summary_over_its_limit_is_cut_and_not_dropped(run_action: RunAction, tmp_path: Path) -> None:
    store = tmp_path / "shards"
    tests = [
        {
            "id": f"tests/test_{number}.py::test_{'x' * 300}",
            "outcome": "ok",
            "reason": "",
            "metrics": {},
            "meter": "memray",
            "samples": 1,
        }
        for number in range(8_000)
    ]
    results = {"format": "memguard-results/1", "environment": environment_key(), "tests": tests}
    write_files(store, {"results.json": json.dumps(results)})
    assert len(json.dumps(tests)) > 1024 * 1024
    files = {**shop_files(), "incoming/results.json": json.dumps(results)}
    run = run_action(files, {"results": "incoming", "mode": "advisory"})
    assert run.exit_code == 0, run
    assert 500_000 < len(run.summary.encode()) <= 1024 * 1024
    assert "more tests do not fit here" in run.summary


def test_growth_that_a_second_process_does_not_confirm_passes_with_rerun(
    run_action: RunAction, accepted: dict[str, str]
) -> None:
    once = TESTS.replace(
        "    assert len(shop.build(200))",
        "    import os, pathlib\n"
        "    mark = pathlib.Path(os.environ['EVIDENCE'], 'pid')\n"
        "    first = mark.exists() or mark.write_text(str(os.getpid()))\n"
        "    first = mark.read_text() == str(os.getpid())\n"
        "    extra = bytes(4_000_000 if first else 0)\n"
        "    assert len(shop.build(200))",
    )
    run = run_action({**shop_files(tests=once), **accepted}, {"rerun": "1"})
    assert run.exit_code == 0, run
    assert run.outputs["regressions"] == "0"


def test_growth_that_comes_again_fails_with_rerun(run_action: RunAction, accepted: dict[str, str]) -> None:
    run = run_action({**shop_files(size=6000), **accepted}, {"rerun": "1"})
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "regressed"


def test_record_mode_leaves_the_baseline_in_the_workspace(run_action: RunAction) -> None:
    extra = {
        ".github/workflows/gate.yml": workflow({"mode": "record"})[".github/workflows/gate.yml"]
        + '      - run: cp -R .memguard/baseline "$EVIDENCE"\n'
    }
    run = run_action({**shop_files(), **extra})
    assert run.exit_code == 0, run
    assert list((run.evidence / "baseline" / environment_key()).rglob("*.yml"))


def test_comparing_two_commits_needs_no_baseline_and_finds_growth(
    run_action: RunAction, action: Path, tmp_path: Path
) -> None:
    repository = make_repository(tmp_path / "ab", {**shop_files(), **workflow({"base-ref": "base"})})
    git(repository, "branch", "base")
    write_files(repository, shop_files(size=6000, tests=TESTS + "\ndef test_new():\n    pass\n"))
    commit_all(repository)
    run = run_act(tmp_path / "growth", repository, action=action)
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "regressed"
    assert run.outputs["max-growth-bytes"] == "800000"
    write_files(repository, shop_files(size=2000))
    commit_all(repository)
    run = run_act(tmp_path / "unchanged", repository, action=action)
    assert run.exit_code == 0, run
    assert run.outputs["status"] == "passed"
    assert any("measured in this job" in message for _, _, message in run.annotations)
    proposed = (run.store / ARTIFACT / "proposed.patch").read_text(encoding="utf-8")
    assert f"+++ b/.memguard/baseline/{environment_key()}/tests/test_shop.py.yml" in proposed


def test_comparing_with_a_commit_that_is_not_there_is_an_error(run_action: RunAction) -> None:
    run = run_action(shop_files(), {"base-ref": "no-such-branch"})
    assert run.exit_code == 1, run
    assert run.outputs["status"] == "error"
    assert run.failed_with("there is no commit 'no-such-branch' in this clone")


MATRIX = """\
on: push
permissions: {contents: read}
jobs:
  gate:
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix: {include: [{name: here, python: python}, {name: elsewhere, python: %s}]}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - uses: pytest-memguard/pytest-memguard@v1
        id: mg
        with: {python: "${{ matrix.python }}", comment-id: "${{ matrix.name }}"}
"""


def test_a_matrix_of_two_environments_keeps_two_reports(
    action: Path, accepted: dict[str, str], tmp_path: Path
) -> None:
    """One environment has a baseline; the other key is made by a wrapper that claims to be another one."""
    wrapper = tmp_path / "other-python"
    wrapper.write_text(_WRAPPER, encoding="utf-8")
    wrapper.chmod(0o755)
    files = {**shop_files(), **accepted, ".github/workflows/gate.yml": MATRIX % wrapper}
    repository = make_repository(tmp_path / "repo", files)
    run = run_act(tmp_path / "matrix", repository, action=action)
    statuses: dict[str, Any] = {}
    for event in run.events:
        if event.get("command") == "set-output" and event["stepID"] == ["mg"]:
            statuses.setdefault(event["matrix"]["name"], {})[event["name"]] = event["arg"]
    assert statuses["here"]["status"] == "passed", run
    assert statuses["elsewhere"]["status"] == "env-mismatch", str(run)
    assert statuses["elsewhere"]["env-key"] == "cpython-9.9-linux-x86_64"
    assert len(list(run.store.glob("*.days"))) == 2


_WRAPPER = """\
#!/usr/bin/env bash
export PYTHONPATH="$(dirname "$0")/claims"
mkdir -p "$PYTHONPATH"
echo 'import pytest_memguard.core.environment as e; e.environment_key = lambda: "cpython-9.9-linux-x86_64"' \\
  > "$PYTHONPATH/sitecustomize.py"
exec python "$@"
"""
SHARDS = """\
on: push
permissions: {contents: read}
jobs:
  measure:
    runs-on: ubuntu-latest
    strategy:
      matrix: {shard: [shop, more]}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - uses: pytest-memguard/pytest-memguard@v1
        with:
          mode: advisory
          paths: tests/test_${{ matrix.shard }}.py
          artifact-name: memguard-shard-${{ matrix.shard }}
  gate:
    needs: measure
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - uses: actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1
        with: {pattern: "memguard-shard-*", path: shards}
      - uses: pytest-memguard/pytest-memguard@v1
        id: mg
        with: {results: shards, artifact-name: memguard}
"""


def test_shards_are_merged_and_gated_by_the_last_job(
    action: Path, accepted: dict[str, str], tmp_path: Path
) -> None:
    files = {**shop_files(size=6000), **accepted, ".github/workflows/gate.yml": SHARDS}
    files["tests/test_more.py"] = TESTS.replace("test_build", "test_more")
    repository = make_repository(tmp_path / "repo", files)
    run = run_act(tmp_path / "shards", repository, action=action)
    assert run.exit_code == 1, str(run)
    outputs = run.job_outputs("gate")
    assert outputs["status"] == "regressed"
    assert outputs["new"] == "1", run
    merged = read_results([run.store / "memguard" / "results.json"])
    assert [test.id for test in merged.tests] == [
        "tests/test_more.py::test_more",
        "tests/test_shop.py::test_build",
    ]
    shards = [event for event in run.events if event.get("jobResult")]
    assert [event["jobResult"] for event in shards] == ["success", "success", "failure"]


def test_a_version_is_installed_into_an_environment_of_its_own(
    run_action: RunAction, accepted: dict[str, str], wheel: Path, project_python: Path
) -> None:
    """Without an index: whatever the project has is not installed again."""
    run = run_action(
        {**shop_files(), **accepted},
        {"version": "0.1.0", "python": str(project_python)},
        environ={"PIP_FIND_LINKS": str(wheel.parent), "PIP_NO_INDEX": "1"},
    )
    assert run.exit_code == 0, str(run)
    assert run.outputs["status"] == "passed"
    probe = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pytest_memguard') is not None)"
    subprocess.run([project_python, "-I", "-c", probe], check=True)


def test_a_project_without_memguard_is_told_to_install_it(run_action: RunAction, bare_python: Path) -> None:
    run = run_action(shop_files(), {"python": str(bare_python)})
    assert run.exit_code == 1, run
    assert run.failed_with("version: pytest-memguard is not installed for")


@pytest.mark.parametrize("name", ["missing-python", "./nothing"])
def test_an_interpreter_that_is_not_there_is_named(run_action: RunAction, name: str) -> None:
    run = run_action(shop_files(), {"python": name})
    assert run.exit_code == 1, run
    assert run.failed_with(f"python: there is no interpreter '{name}'")
