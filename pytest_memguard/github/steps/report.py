"""The reporting step: writes summary, annotations, artifact and outputs before the job can fail."""

from __future__ import annotations

import contextlib
import importlib.util
from pathlib import Path

from pytest_memguard.core.errors import MemguardError, NothingToJudgeError
from pytest_memguard.github import commands
from pytest_memguard.github.environment_report import (
    Reported,
    annotate,
    failed_markdown,
    markdown,
    read_reported,
    reported,
)
from pytest_memguard.github.inputs import Inputs, from_json
from pytest_memguard.github.outputs import (
    artifact_name,
    comment_wish,
    copy_captures,
    run_outputs,
    wants_artifact,
)
from pytest_memguard.github.place import Place
from pytest_memguard.github.status import Decision, Measured, decide_status, worst
from pytest_memguard.github.steps import variable, workspace
from pytest_memguard.github.workspace import FILE_NAME
from pytest_memguard.reports.markdown import COMMENT_CHARACTERS, SUMMARY_BYTES
from pytest_memguard.storage.results import write_results


def step() -> int:
    """Report on the results of the measuring step; a run without results is reported as an error."""
    inputs = from_json(variable("CONFIG"))
    directory = Path(variable("DIRECTORY"))
    folder = directory / "artifact"
    folder.mkdir(exist_ok=True)
    reports: list[Reported] = []
    try:
        if not variable("EXIT_CODE"):
            raise NothingToJudgeError("The measuring step failed; its error is above.")
        place = Place.of(inputs, workspace())
        reports = _reports(inputs, place, directory, folder)
        decision = worst(
            [report.decision for report in reports] or [decide_status(None, _measured(), inputs=inputs)]
        )
    except MemguardError as error:
        decision = Decision("error", str(error), _exit_code() or error.exit_code)
    _write(inputs, folder, reports, decision)
    if decision.sentence and decision.exit_code:
        commands.error(decision.sentence)
    if reports and inputs.annotations:
        annotate(reports, place.locate)
    if reports and not inputs.results:  # a job that merges results has measured nothing
        copy_captures(place.project, folder / "profiles")
    _set_outputs(inputs, folder, reports, decision)
    return 0


def _measured() -> Measured:
    """Return what the measuring step has written as its outputs."""
    failed = variable("TESTS_FAILED")
    return Measured(_exit_code(), int(failed) if failed.isdigit() else None, variable("BASE_COMMIT"))


def _exit_code() -> int:
    return int(variable("EXIT_CODE")) if variable("EXIT_CODE").isdigit() else 2


def _reports(inputs: Inputs, place: Place, directory: Path, folder: Path) -> list[Reported]:
    proposing = importlib.util.find_spec("yaml") is not None and variable("EVENT") != "workflow_run"
    propose_into = folder / "proposed-baseline" if proposing else None
    if not inputs.results and not (directory / FILE_NAME).exists():
        return []
    found = read_reported(inputs, place, directory, judged_before=variable("EVENT") == "workflow_run")
    return [reported(inputs, place, one, _measured(), propose_into=propose_into) for one in found]


def _write(inputs: Inputs, folder: Path, reports: list[Reported], decision: Decision) -> None:
    title = inputs.comment_id
    if reports:
        summary = markdown(reports, limit=SUMMARY_BYTES, title=title, patches=True)
        comment = markdown(reports, limit=COMMENT_CHARACTERS, title=title, patches=False)
    else:
        summary = comment = failed_markdown(decision.sentence, title)
    (folder / "summary.md").write_text(summary, encoding="utf-8")
    (folder / "comment.md").write_text(comment, encoding="utf-8")
    for report in reports:
        name = FILE_NAME if len(reports) == 1 else f"{report.results.environment}/{FILE_NAME}"
        (folder / name).parent.mkdir(exist_ok=True)
        write_results(folder / name, report.results)
    # A job that only comments installs no packages.
    if reports and importlib.util.find_spec("jinja2") is not None:
        from pytest_memguard.reports.html.page import HtmlReport  # noqa: PLC0415 - as said

        page = HtmlReport().page(*(report.results for report in reports))
        (folder / "report.html").write_text(page, encoding="utf-8")
    proposed = "".join(report.patch for report in reports)
    if proposed:
        (folder / "proposed.patch").write_text(proposed, encoding="utf-8", newline="\n")
    if inputs.summary and not commands.append_summary(summary):
        commands.notice("The job summary is full; the report is in the artifact as summary.md.")


def _set_outputs(inputs: Inputs, folder: Path, reports: list[Reported], decision: Decision) -> None:
    outputs = run_outputs(reports, decision)
    proposed = folder / "proposed-baseline"
    with contextlib.suppress(OSError):
        proposed.rmdir()  # empty where nothing would change
    outputs |= {
        "report-json": str(folder / FILE_NAME) if len(reports) == 1 else "",
        "report-markdown": str(folder / "summary.md"),
        "proposed-baseline": str(proposed) if proposed.is_dir() else "",
        "artifact-path": str(folder) if wants_artifact(inputs, decision) else "",
        "artifact-name": artifact_name(inputs, outputs["env-key"]),
        "retention-days": str(inputs.retention_days or ""),
        "comment": comment_wish(inputs, outputs, variable("EVENT"), variable("PULL_REQUEST")),
        "comment-file": str(folder / "comment.md"),
    }
    commands.write_outputs(outputs)
