"""What a step says to the runner: outputs that cannot end themselves, and test code unheard."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest

from pytest_memguard.github import commands
from pytest_memguard.github.child import child_environment, run_child


def read_outputs(path: Path) -> dict[str, str]:
    """Read an output file as the runner does."""
    values: dict[str, str] = {}
    lines = iter(path.read_text(encoding="utf-8").split("\n"))
    for line in lines:
        if not line:
            continue
        name, _, delimiter = line.partition("<<")
        held = []
        for inner in lines:
            if inner == delimiter:
                break
            held.append(inner)
        values[name] = "\n".join(held)
    return values


@pytest.mark.parametrize(
    "value",
    ["", "x", "two\nlines", "status=passed", "memguard_\nevil=1", "EOF\nstatus<<EOF\npassed\nEOF", "é\n\n"],
)
def test_an_output_holds_its_value_and_sets_no_other(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    commands.write_outputs({"status": "regressed", "report": value})
    assert read_outputs(tmp_path / "output") == {"status": "regressed", "report": value}


def test_the_delimiter_is_new_each_time() -> None:
    assert commands.output_block("a", "b") != commands.output_block("a", "b")


def test_a_summary_that_does_not_fit_is_left_out_rather_than_dropped_by_github(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "summary"
    path.write_text("x" * 1_000_000)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    assert commands.append_summary("y" * 48_576)
    assert not commands.append_summary("z")
    assert path.read_text().endswith("y")


def test_test_code_sees_no_file_of_the_runner_and_no_input() -> None:
    seen = child_environment(
        {
            "PATH": "/bin",
            "CI": "true",
            "GITHUB_SHA": "1",
            "GITHUB_OUTPUT": "/o",
            "GITHUB_ENV": "/e",
            "GITHUB_PATH": "/p",
            "GITHUB_STATE": "/s",
            "GITHUB_STEP_SUMMARY": "/y",
            "ACTIONS_RUNTIME_TOKEN": "t",
            "MG_CONFIG": "{}",
            "INPUT_GITHUB-TOKEN": "t",
        }
    )
    assert seen == {"PATH": "/bin", "CI": "true", "GITHUB_SHA": "1"}


def test_output_of_test_code_is_between_stop_commands(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    program = "print('::error::forged'); import sys; sys.stderr.write('no end'); sys.exit(3)"
    assert run_child([sys.executable, "-c", program], folder=tmp_path, environ=os.environ) == 3
    shown = capfdbinary.readouterr().out.decode()
    match = re.fullmatch(
        r"::stop-commands::([0-9a-f]{64})\n(.*)\n::\1::\n", shown.replace("\r", ""), re.DOTALL
    )
    assert match, shown
    assert "::error::forged" in match.group(2)
    assert match.group(2).endswith("no end")


def test_a_process_left_behind_is_not_heard_after_the_run(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    late = "import time; time.sleep(3); print('::error::late', flush=True)"
    program = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {late!r}])"
    start = time.monotonic()
    assert run_child([sys.executable, "-c", program], folder=tmp_path, environ=os.environ) == 0
    assert time.monotonic() - start < 10
    time.sleep(1.5)
    assert "late" not in capfdbinary.readouterr().out.decode()


def test_a_signal_is_an_exit_code_that_is_no_success(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run_child([sys.executable, "-c", program], folder=tmp_path, environ=os.environ) == 137
    assert capfdbinary.readouterr()
