"""`/memguard accept` in a comment: commits the baseline that a pull request's last run proposes.

No code and no file of the pull request is used, only the numbers of its results, which are
validated. The baseline is written from them here, based on the files of the branch.
"""

from __future__ import annotations

import shlex
import tempfile
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.units import MIB, counted
from pytest_memguard.github import commands
from pytest_memguard.github.api import Api, Head, commit_files, file_text
from pytest_memguard.github.archive import results_texts
from pytest_memguard.github.steps import variable
from pytest_memguard.reports.untrusted import code, prose

_ARTIFACT_BYTES = 512 * MIB
_MOST_ARTIFACTS = 50
_MAY_WRITE = ("admin", "maintain", "write")
_SHOWN_LINES = 50
_USAGE = "`/memguard accept [PATTERN...] [--note TEXT]`"


class RefusedError(MemguardError):
    """A request that is refused; the sentence is sent to its author."""

    slug = "accept-refused"


@dataclass(frozen=True, slots=True)
class Request:
    """The request of a comment."""

    patterns: tuple[str, ...] = ()
    note: str | None = None


def step() -> int:
    """Carry out the comment's request, or answer why not; a comment without a request is ignored."""
    if not variable("COMMENT_BODY").startswith("/memguard") or variable("IS_PULL_REQUEST") != "true":
        commands.write_outputs({"status": "ignored", "commit": ""})
        return 0
    api = Api(variable("API_URL"), variable("REPOSITORY"), variable("TOKEN").strip())
    number = int(variable("PULL_REQUEST"))
    try:
        request = parse(variable("COMMENT_BODY"))
        _check_permission(api, variable("ACTOR"))
        head = _head(api, number)
        lines, files = _changes(api, head, request)
        commit = commit_files(api, head, files, _message(number, len(lines))) if files else ""
        answer = _told(lines, commit)
        status = "accepted" if commit else "nothing-to-accept"
    except MemguardError as error:
        status, commit, answer = "refused", "", f"Nothing was accepted: {prose(str(error))}"
        commands.notice(f"Nothing was accepted: {error}")
    commands.write_outputs({"status": status, "commit": commit})
    api.call("POST", f"issues/{number}/comments", {"body": answer})
    return 0


def parse(comment: str) -> Request:
    """Read the first line of a comment; `RefusedError` says how to write it."""
    line = comment.strip().splitlines()[0]
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise RefusedError(f"{line[:200]!r} cannot be read: {error}. Write {_USAGE}.") from error
    if words[:2] != ["/memguard", "accept"]:
        raise RefusedError(f"{' '.join(words[:2])[:100]!r} is not a request; write {_USAGE}.")
    words = words[2:]
    note = None
    if "--note" in words:
        at = words.index("--note")
        note = " ".join(words[at + 1 :]) or None
        words = words[:at]
        if note is None:
            raise RefusedError(f"--note has no text; write {_USAGE}.")
    unknown = [word for word in words if word.startswith("-")]
    if unknown:
        raise RefusedError(f"there is no option {unknown[0][:100]!r}; write {_USAGE}.")
    return Request(tuple(words), note)


def _check_permission(api: Api, login: str) -> None:
    answer = api.get(f"collaborators/{urllib.parse.quote(login, safe='')}/permission")
    if answer.get("permission") not in _MAY_WRITE:
        raise RefusedError(
            "only somebody who may write to this repository can accept a baseline. Ask one of them to."
        )


def _head(api: Api, number: int) -> Head:
    pull = api.get(f"pulls/{number}")
    if pull["state"] != "open":
        raise RefusedError("the pull request is not open. Reopen it, then ask again.")
    repository = (pull["head"].get("repo") or {}).get("full_name")
    if repository != variable("REPOSITORY"):
        raise RefusedError(
            "the branch is in a fork, which cannot be written to from here. Its author can run "
            "`memguard accept --from results.json` with the artifact and push."
        )
    return Head(number, str(pull["head"]["ref"]), str(pull["head"]["sha"]), str(pull["base"]["sha"]))


def _artifacts(api: Api, head: Head) -> list[bytes]:
    """Download the gate's artifacts of the newest finished run of exactly this commit."""
    workflow = urllib.parse.quote(variable("WORKFLOW"), safe="")
    answer = api.get(
        f"actions/workflows/{workflow}/runs", head_sha=head.commit, event="pull_request", status="completed"
    )
    asked = variable("COMMENT_TIME")
    runs = [
        run
        for run in answer["workflow_runs"]
        # The author of the comment cannot have seen the results of a run that began later.
        if run["head_sha"] == head.commit and (not asked or str(run["created_at"]) <= asked)
    ]
    if not runs:
        raise RefusedError(
            f"no run of {variable('WORKFLOW')} for {head.commit[:12]} began before this comment and has "
            "finished; look at its report, then ask again."
        )
    run = max(runs, key=lambda found: int(found["id"]))
    named = [
        artifact
        for artifact in api.pages(f"actions/runs/{int(run['id'])}/artifacts", key="artifacts")
        if str(artifact["name"]).startswith(variable("ARTIFACT_PREFIX")) and not artifact.get("expired")
    ]
    if not named or len(named) > _MOST_ARTIFACTS:
        raise RefusedError(
            f"the run of {head.commit[:12]} has {len(named)} artifacts whose name starts with "
            f"{variable('ARTIFACT_PREFIX')!r}; accepted are 1 to {_MOST_ARTIFACTS}."
        )
    return [api.download(f"actions/artifacts/{int(one['id'])}/zip", _ARTIFACT_BYTES) for one in named]


def _changes(api: Api, head: Head, request: Request) -> tuple[list[str], dict[str, str]]:
    """Return a line for each changed entry, and the changed files of the baseline by their path."""
    # Imported here, so that a Python without PyYAML can still answer that it is missing.
    try:
        from pytest_memguard.github.acceptance import accept_texts, note_required  # noqa: PLC0415 - as said above
        from pytest_memguard.storage.accepting import Acceptance  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise RefusedError(
            f"{error.name} is not installed here; run `pip install pytest-memguard` in an earlier step."
        ) from error

    folder = _baseline_folder()
    texts = [text for archive in _artifacts(api, head) for text in results_texts(archive)]
    with tempfile.TemporaryDirectory() as temporary:
        # The pull request must not do away with what the branch asks for that it is to be merged into.
        base = replace(head, commit=head.base)
        required = note_required(folder, lambda path: file_text(api, base, path))
        return accept_texts(
            texts,
            Path(temporary),
            folder=folder,
            wanted=Acceptance(request.patterns, note=request.note),
            require_note=required,
            read=lambda path: file_text(api, head, path),
        )


def _baseline_folder() -> str:
    path = PurePosixPath(variable("BASELINE"))
    if path.is_absolute() or ".." in path.parts or not path.parts or ".git" in path.parts:
        raise RefusedError(f"{variable('BASELINE')!r} is not a folder in the repository.")
    return path.as_posix()


def _message(number: int, entries: int) -> str:
    return f"Accept memory of {counted(entries, 'entry', 'entries')}\n\nAsked for in #{number}.\n"


def _told(lines: Sequence[str], commit: str) -> str:
    if not commit:
        return "Nothing to accept: the last run of this commit proposes no change of the baseline."
    shown = "".join(f"- {code(line)}\n" for line in lines[:_SHOWN_LINES])
    more = f"- and {len(lines) - _SHOWN_LINES:,} more\n" if len(lines) > _SHOWN_LINES else ""
    return f"Accepted in {commit}:\n\n{shown}{more}"
