"""Computes the outputs of the action from the decisions about the results."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import TestResult
from pytest_memguard.github.environment_report import Reported
from pytest_memguard.github.inputs import Inputs
from pytest_memguard.github.status import FINE, Decision
from pytest_memguard.reports.rows import growth_bytes, growth_share
from pytest_memguard.storage.bounded_reading import read_regular
from pytest_memguard.storage.captures import captures_folder

CAPTURES_BYTES = 256 * 1024**2
"""The limit of all captures together; those that do not fit are named in `profiles/left-out.txt`."""


def copy_captures(project: Path, into: Path, *, limit_bytes: int = CAPTURES_BYTES) -> int:
    """Copy memray captures, smallest first so that as many as possible fit; return how many were left out.

    Symbolic links and special files are skipped, since a pull request can put them there.
    """
    profiles = captures_folder(project.resolve())
    if profiles.resolve() != profiles:
        return 0
    files = [(path.lstat().st_size, path) for path in _regular_files(profiles)]
    room = limit_bytes
    left_out = []
    for size_bytes, path in sorted(files):
        room -= size_bytes
        name = path.relative_to(profiles)
        try:
            content = read_regular(path, size_bytes) if room >= 0 else None
        except OSError:  # it has changed since
            content = None
        if content is None or len(content) > size_bytes:
            left_out.append(name.as_posix())
            continue
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_bytes(content)
    if left_out:
        into.mkdir(parents=True, exist_ok=True)
        (into / "left-out.txt").write_text("".join(f"{name!a}\n" for name in left_out), encoding="utf-8")
    return len(left_out)


def _regular_files(folder: Path) -> Iterator[Path]:
    for above, _, names in os.walk(folder, followlinks=False):
        yield from (path for name in names if stat.S_ISREG((path := Path(above, name)).lstat().st_mode))


def run_outputs(reports: Sequence[Reported], decision: Decision) -> dict[str, str]:
    """Return the outputs that say how the run ended; all are set, even when nothing was measured."""
    tests = [test for report in reports for test in report.results.tests]
    grown = [test for test in tests if test.outcome.is_growth]
    shares = (growth_share(test.verdict.metrics) for test in grown)
    return {
        "status": decision.status,
        "exit-code": str(decision.exit_code),
        "regressions": str(len(grown)),
        "improvements": _count(tests, Outcome.IMPROVED),
        "new": _count(tests, Outcome.NEW, Outcome.NO_BASELINE),
        "missing": _count(tests, Outcome.STALE, Outcome.UNGUARDED),
        "acknowledged": str(sum(bool(test.note) for test in tests)),
        "max-growth-bytes": str(max((growth_bytes(test.verdict.metrics) for test in grown), default=0)),
        "max-growth-percent": f"{max(shares, default=0.0) * 100:.2f}",
        "env-key": ",".join(report.results.environment for report in reports),
    }


def _count(tests: Sequence[TestResult], *outcomes: Outcome) -> str:
    return str(sum(test.outcome in outcomes for test in tests))


def wants_artifact(inputs: Inputs, decision: Decision) -> bool:
    """Say whether the policy asks for an artifact."""
    return inputs.artifact == "always" or (inputs.artifact == "on-failure" and decision.exit_code != 0)


def comment_wish(inputs: Inputs, outputs: Mapping[str, str], event: str, pull_request: str) -> str:
    """Say what to do about the comment: `post` it, `update` one that is there, or nothing.

    A comment about growth must not stay when the growth is gone, so an old comment is kept up to date
    even if the policy asks for no new one.
    """
    on_pull_request = pull_request.isdigit() or event == "workflow_run"
    if inputs.comment == "never" or not on_pull_request:
        return ""
    failed = outputs["exit-code"] != "0"
    if event == "workflow_run":
        # There the first workflow has failed; this one only reports on it.
        failed = outputs["status"] not in FINE
    changed = any(outputs[name] != "0" for name in ("regressions", "improvements", "new", "missing"))
    due = {"always": True, "on-change": changed or failed, "on-failure": failed}
    return "post" if due[inputs.comment] else "update"


def artifact_name(inputs: Inputs, environment: str) -> str:
    """Return the artifact's name: the input, or a name that no other environment or project has."""
    parts = ["memguard", inputs.comment_id.replace(" ", "-"), environment.replace(",", "+")]
    return inputs.artifact_name or "-".join(part for part in parts if part)
