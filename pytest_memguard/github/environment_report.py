"""Reports on each environment: the decision, the proposed baseline, and both as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.github import commands
from pytest_memguard.github.inputs import Inputs
from pytest_memguard.github.overruled import enforced
from pytest_memguard.github.place import Place
from pytest_memguard.github.status import Decision, Measured, decide_status, judged_by
from pytest_memguard.github.workspace import FILE_NAME, relative, results_files
from pytest_memguard.reports.annotations import AnnotationsReport
from pytest_memguard.reports.markdown import MarkdownExtras, MarkdownReport
from pytest_memguard.reports.untrusted import Markup
from pytest_memguard.storage.results import read_results_by_environment


@dataclass(frozen=True, slots=True)
class Reported:
    """The results of one environment, the decision, and the proposed baseline as a patch."""

    results: RunResults
    decision: Decision
    patch: str = ""


def read_reported(
    inputs: Inputs, place: Place, directory: Path, *, judged_before: bool = False
) -> list[RunResults]:
    """Read the results of the run, or those that other jobs left, one for each environment.

    What fails in merged results is decided here, since a shard judged only its part. It is also decided
    here if the workflow says what fails, since the run itself obeys the checkout. With `judged_before`
    the results stay as they are, as for a second workflow that only reports on the first one.
    """
    if not inputs.results:
        found = read_results_by_environment([directory / FILE_NAME])
        is_judged_here = inputs.rerun or inputs.is_enforced
        return [_judged(inputs, place, results) for results in found] if is_judged_here else found
    found = read_results_by_environment(results_files(place.workspace, inputs.results))
    if judged_before and inputs.mode != "check":
        return found
    return [_judged(inputs, place, _with_unjudged(inputs, place, results)) for results in found]


def _with_unjudged(inputs: Inputs, place: Place, results: RunResults) -> RunResults:
    """Add the entries that no shard has judged; a job that only reports may lack PyYAML and the baseline."""
    if find_spec("yaml") is None or not place.environments():
        return results
    from pytest_memguard.storage.baseline import BaselineStore  # noqa: PLC0415 - as said above
    from pytest_memguard.storage.unjudged import with_unjudged_entries  # noqa: PLC0415 - as above

    store = BaselineStore(place.baseline, results.environment)
    return with_unjudged_entries(results, store, fails=inputs.mode == "check")


def _judged(inputs: Inputs, place: Place, results: RunResults) -> RunResults:
    if inputs.mode != "check" or (place.settings.advisory and not inputs.is_enforced):
        return replace(results, advisory=True)
    if inputs.is_enforced:
        results = enforced(results, place.settings, inputs)
    if inputs.outcomes_that_fail is not None:
        return judged_by(results, inputs.outcomes_that_fail)
    return judged_by(results, place.settings.fail_on, adds_to_default=inputs.is_enforced)


def reported(
    inputs: Inputs, place: Place, results: RunResults, measured: Measured, *, propose_into: Path | None
) -> Reported:
    """Decide about the results of one environment, and propose the changes of accepting them.

    Where they were compared with another commit, nothing is accepted yet, and all entries are proposed.
    """
    is_allowed_to_be_empty = place.settings.allow_empty and not inputs.is_enforced
    decision = decide_status(
        results,
        measured,
        inputs=replace(inputs, allow_empty=inputs.allow_empty or is_allowed_to_be_empty),
        environments=place.environments(),
    )
    if propose_into is None:
        return Reported(results, decision)
    # Here, since it imports PyYAML, which a job that only reports does without.
    from pytest_memguard.github.proposal import propose  # noqa: PLC0415 - as said above

    try:
        name = relative(place.workspace, place.baseline)
        patch = propose(
            results,
            baseline=place.baseline,
            into=propose_into,
            name=name,
            everything=bool(measured.base_commit),
        )
    except MemguardError as error:
        commands.notice(f"No baseline is proposed: {error}")
        patch = ""
    return Reported(results, decision, patch)


def markdown(reports: Sequence[Reported], *, limit: int, title: str, patches: bool) -> str:
    """Write one section for each environment; together they stay within the limit."""
    share = limit // max(len(reports), 1)
    parts = []
    for report in reports:
        named = " ".join(
            part for part in (title, report.results.environment if len(reports) > 1 else "") if part
        )
        extras = MarkdownExtras(
            title=named,
            patch=report.patch if patches else "",
            next_step=_NEXT_STEP if report.patch else Markup(""),
            alert=report.decision.sentence if report.decision.status == "error" else "",
        )
        parts.append(MarkdownReport(limit=share, extras=extras).page(report.results))
    return "\n".join(parts)


_NEXT_STEP = Markup(
    "Download the artifact and run `memguard accept --from results.json`, copy its `proposed-baseline` "
    "over the baseline's folder, or apply the patch."
)


def failed_markdown(sentence: str, title: str) -> str:
    """Write the report of a run that has no results."""
    named = f": {title}" if title else ""
    return Markup("## memguard{}\n\n**Nothing was judged.** {}\n").fill(named, sentence)


def annotate(reports: Sequence[Reported], locate: Callable[[str], str | None]) -> None:
    """Print the annotations of the first environment with a failure, or of the first one."""
    chosen = next((one for one in reports if one.decision.exit_code), reports[0])
    for annotation in AnnotationsReport(locate).annotations(chosen.results):
        commands.say(annotation)
