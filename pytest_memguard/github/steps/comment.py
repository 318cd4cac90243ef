"""The only step with a token: keeps one pull-request comment up to date, and never fails."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pytest_memguard.github import commands
from pytest_memguard.github.api import Api, ApiError
from pytest_memguard.github.steps import variable

COMMENT_CHARACTERS = 65_536
_FORBIDDEN = (401, 403, 404)


def step() -> int:
    """Post or update the comment; if that is not allowed, a notice says so, and the step succeeds."""
    written, comment_id = False, ""
    try:
        api = Api(variable("API_URL"), variable("REPOSITORY"), variable("TOKEN").strip())
        number = pull_request(api)
        comment_id = keep_comment(
            api, number, body(variable("COMMENT_FILE")), post=variable("COMMENT") == "post"
        )
    except (ApiError, OSError) as error:
        written = variable("COMMENT") == "post"
        refused = isinstance(error, ApiError) and error.status in _FORBIDDEN
        reason = "this token may not comment (a pull request from a fork?)" if refused else str(error)
        commands.notice(f"No comment was written: {reason}. The same report is in the job summary.")
    commands.write_outputs({"comment-id": comment_id, "comment-file-written": str(written).lower()})
    return 0


def marker() -> str:
    """Return the hidden first line by which the comment is found again; an id tells several apart."""
    return f"<!-- pytest-memguard: {re.sub('[^A-Za-z0-9 ._+()-]', '', variable('COMMENT_KEY'))} -->"


def body(path: str) -> str:
    """Return the comment with its marker, never longer than GitHub allows."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return f"{marker()}\n{text}"[:COMMENT_CHARACTERS]


def pull_request(api: Api) -> int:
    """Return the number of the pull request, as the runner and the API tell it; it is never read from a file.

    After `workflow_run` it is the open pull request whose head is the commit of that run.
    """
    if variable("PULL_REQUEST").isdigit():
        return int(variable("PULL_REQUEST"))
    if variable("RUN_EVENT") != "pull_request":
        raise ApiError("the run was not of a pull request")
    head = f"{variable('HEAD_OWNER')}:{variable('HEAD_BRANCH')}"
    for found in api.get("pulls", state="open", head=head):
        if found["head"]["sha"] == variable("HEAD_SHA"):
            return int(found["number"])
    raise ApiError("no open pull request has the commit of that run as its head any more")


def keep_comment(api: Api, number: int, text: str, *, post: bool) -> str:
    """Update the comment with our marker, or post one if asked to; return the id of the comment, if any."""
    there = _own_comment(api, number)
    if there is not None:
        if there.get("body") != text:
            api.call("PATCH", f"issues/comments/{int(there['id'])}", {"body": text})
        return str(int(there["id"]))
    if not post:
        return ""
    return str(int(api.call("POST", f"issues/{number}/comments", {"body": text})["id"]))


def _own_comment(api: Api, number: int) -> Any:
    """Find our comment; the comment of a person who copied the marker is not ours."""
    marked = [
        comment
        for comment in api.pages(f"issues/{number}/comments")
        if str(comment.get("body", "")).startswith(f"{marker()}\n")
    ]
    login = api.login() if marked else ""
    for comment in marked:
        author = comment.get("user") or {}
        if author.get("login") == login if login else author.get("type") == "Bot":
            return comment
    return None
