"""A branch through the API: files read at one commit, and one commit made on top of it."""

from __future__ import annotations

import base64
import binascii
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_memguard.github.api import Api, ApiError

_NOT_FOUND = 404
_UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a pull request's branch, as it was when the request was read."""

    number: int
    branch: str
    commit: str


def file_text(api: Api, head: Head, path: str) -> str | None:
    """Return a file's text at the head, None where there is none; `ApiError` for what is no text."""
    try:
        found = api.get(f"contents/{urllib.parse.quote(path)}", ref=head.commit)
    except ApiError as error:
        if error.status == _NOT_FOUND:
            return None
        raise
    if not isinstance(found, dict) or found.get("type") != "file":
        raise ApiError(f"{path} is no plain file on the branch")
    blob = api.get(f"git/blobs/{urllib.parse.quote(str(found['sha']))}")
    try:
        return base64.b64decode(str(blob["content"]), validate=False).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ApiError(f"{path} is no text: {error}") from error


def commit_files(api: Api, head: Head, files: Mapping[str, str], message: str) -> str:
    """Commit files on top of the head and move the branch there; return the commit's id.

    The branch is only moved forward: where it has gained a commit since, `ApiError` says so
    and nothing is changed.
    """
    base = api.get(f"git/commits/{head.commit}")["tree"]["sha"]
    entries = [
        {"path": path, "mode": "100644", "type": "blob", "content": text}
        for path, text in sorted(files.items())
    ]
    tree = api.call("POST", "git/trees", {"base_tree": base, "tree": entries})["sha"]
    commit = api.call("POST", "git/commits", {"message": message, "tree": tree, "parents": [head.commit]})[
        "sha"
    ]
    try:
        reference = f"git/refs/heads/{urllib.parse.quote(head.branch)}"
        api.call("PATCH", reference, {"sha": commit, "force": False})
    except ApiError as error:
        if error.status == _UNPROCESSABLE:
            raise ApiError("the branch has moved since; wait for its new run, then ask again") from error
        raise
    return str(commit)
