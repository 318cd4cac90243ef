"""Executes workflows with act in host mode and reads what the runner would have seen."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.action.programs import SEARCHED, found

STUBS = Path(__file__).parent / "stubs"
ROOT = Path(__file__).parents[2]
ACTION = "pytest-memguard/pytest-memguard"
_SECONDS = 120


def _measuring_first(job: str) -> tuple[bool, str]:
    """Order jobs as they need each other: `gate` comes after what it merges."""
    return job.endswith("/gate"), job


_ANNOTATIONS = ("error", "warning", "notice")
_ESCAPES = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))


def _annotation(match: re.Match[str]) -> tuple[str, dict[str, str], str]:
    pairs = (pair.partition("=") for pair in match[2].split(",") if pair)
    properties = {name: _unescaped(value) for name, _, value in pairs}
    return match[1], properties, _unescaped(match[3].rstrip("\n"))


def _unescaped(text: str) -> str:
    for escape, character in _ESCAPES:
        text = text.replace(escape, character)
    return text


@dataclass(frozen=True)
class ActRun:
    """One execution: the job's exit code and every event of the runner."""

    exit_code: int
    events: list[dict[str, Any]]
    stderr: str
    store: Path
    evidence: Path
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def annotations(self) -> list[tuple[str, dict[str, str], str]]:
        """Kind, properties and message of each annotation, read as GitHub does.

        act ends the properties at the last `::`, GitHub at the first.
        """
        texts = (event["msg"] for event in self.events if event.get("command") in _ANNOTATIONS)
        matches = (re.search(r"::(\w+) ?(.*?)::(.*)", text, re.DOTALL) for text in texts)
        return [_annotation(match) for match in matches if match]

    @property
    def summary(self) -> str:
        """The job summary of all steps."""
        found = (event["msg"] for event in self.events if event.get("command") == "summary")
        return "".join(message.split("Summary - ", 1)[-1] for message in found)

    @property
    def stdout(self) -> str:
        """What the steps printed, without workflow commands."""
        return "".join(event["msg"] for event in self.events if event.get("raw_output"))

    def failed_with(self, text: str) -> bool:
        """Say whether an error annotation holds the text."""
        return any(kind == "error" and text in message for kind, _, message in self.annotations)

    def job_outputs(self, job: str, step: str = "mg") -> dict[str, str]:
        """Return the outputs of a step in one job."""
        return {
            event["name"]: event["arg"]
            for event in self.events
            if event.get("command") == "set-output"
            and event["stepID"] == [step]
            and job in (event["jobID"], event["job"].rsplit("/", 1)[-1])
        }

    def job_results(self) -> list[str]:
        """Return how each job ended, in the order of their names."""
        ended = {event["job"].strip(): event["jobResult"] for event in self.events if event.get("jobResult")}
        return [ended[name] for name in sorted(ended, key=_measuring_first)]

    def __str__(self) -> str:
        """Return the log, for failure messages."""
        return "".join(f"{event.get('msg', '')}".rstrip() + "\n" for event in self.events) + self.stderr


def git(repository: Path, *words: str) -> str:
    """Run git as somebody, without the user's own configuration."""
    command = ["git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@t.invalid", *words]
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write text files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def make_repository(folder: Path, files: Mapping[str, str]) -> Path:
    """Make a repository with one commit and a remote, without which act knows no names."""
    folder.mkdir(parents=True, exist_ok=True)
    write_files(folder, files)
    git(folder, "init", "-qb", "main")
    git(folder, "remote", "add", "origin", "https://github.com/acme/app.git")
    commit_all(folder)
    return folder


def commit_all(folder: Path) -> str:
    """Commit everything and return the commit's id."""
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")
    return git(folder, "rev-parse", "HEAD").strip()


def example(name: str) -> dict[str, str]:
    """Return a workflow that users copy; what it installs is there already, and its step has an id."""
    text = without_installing((ROOT / f"examples/workflows/{name}.yml").read_text(encoding="utf-8"))
    text = re.sub(r"( +)- (uses: pytest-memguard/.*)", r"\1- id: mg\n\1  \2", text)
    return {f".github/workflows/{name}.yml": text}


def without_installing(workflow: str) -> str:
    """Replace the step that installs the project."""
    here = "run: python -c 'import pytest_memguard'"
    text, replaced = re.subn(r"run: python -m pip install .*", here, workflow)
    assert replaced or "pip install" not in text
    return text


def pinned_actions(files: Iterable[Path]) -> set[str]:
    """Return every pinned `owner/name@sha` that workflow and action files use."""
    found: set[str] = set()
    for file in files:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        jobs = document.get("jobs", {"": document.get("runs", {})})
        steps = [step for job in jobs.values() for step in job.get("steps", ())]
        found |= {step["uses"] for step in steps if not step.get("uses", "./").startswith("./")}
    return found


def run_act(
    tmp: Path,
    repository: Path,
    *,
    action: Path,
    event: str = "push",
    job: str = "",
    payload: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    token: str = "",
    secrets: Mapping[str, str] | None = None,
    store: Path | None = None,
) -> ActRun:
    """Execute the repository's workflows for an event, offline, in an environment of their own."""
    tmp.mkdir(parents=True, exist_ok=True)
    (tmp / "event.json").write_text(json.dumps(payload or {}), encoding="utf-8")
    for folder in ("home", "clean", "evidence"):
        (tmp / folder).mkdir(exist_ok=True)
    store = store or tmp / "store"
    store.mkdir(exist_ok=True)
    command = [
        found("act"),
        event,
        "-C",
        str(repository),
        "-e",
        str(tmp / "event.json"),
        "--json",
        "--strict",
    ]
    command += ["-j", job] if job else []
    for system in ("ubuntu", "macos"):
        command += ["-P", f"{system}-latest=-self-hosted"]
    command += ["--pull=false", "--no-cache-server", "--action-offline-mode"]
    command += ["--action-cache-path", str(tmp / "cache")]
    for sub in ("", "/accept"):
        command += ["--local-repository", f"{ACTION}{sub}@v1={action}"]
    for name in _uses(repository, action):
        stub = STUBS / name.partition("@")[0].partition("/")[2]
        command += ["--local-repository", f"{name}={stub}"]
    given = {"STUB_STORE": str(store), "EVIDENCE": str(tmp / "evidence"), **(environ or {})}
    for name, value in given.items():
        command += ["--env", f"{name}={value}"]
    known = {**({"GITHUB_TOKEN": token} if token else {}), **(secrets or {})}
    for name, value in known.items():
        command += ["-s", f"{name}={value}"]
    run = subprocess.run(
        command,
        env={"PATH": SEARCHED, "HOME": str(tmp / "home"), "LANG": "C.UTF-8"},
        cwd=tmp / "clean",
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    events = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    outputs = {
        event["name"]: event["arg"]
        for event in events
        if event.get("command") == "set-output" and event.get("stepID") == ["mg"]
    }
    return ActRun(run.returncode, events, run.stderr, store, tmp / "evidence", outputs)


def _uses(repository: Path, action: Path) -> set[str]:
    files = [*(repository / ".github/workflows").glob("*.yml"), *action.glob("**/action.yml")]
    return {name for name in pinned_actions(files) if not name.startswith(ACTION)}
