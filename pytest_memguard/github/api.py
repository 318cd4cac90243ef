"""GitHub's REST API through the standard library: one token, one repository, answers of bounded size."""

from __future__ import annotations

import base64
import binascii
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import IO, Any

from pytest_memguard.core.errors import MemguardError

_NOT_FOUND = 404
_UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a pull request's branch, as it was when the request was read.

    `base` is the commit of the branch that it is to be merged into.
    """

    number: int
    branch: str
    commit: str
    base: str


def file_text(api: Api, head: Head, path: str) -> str | None:
    """Return a file's text at the head; None for a missing file, `ApiError` for a file that is not text."""
    try:
        found = api.get(f"contents/{urllib.parse.quote(path)}", ref=head.commit)
    except ApiError as error:
        if error.status == _NOT_FOUND:
            return None
        raise
    if not isinstance(found, dict) or found.get("type") != "file":
        raise ApiError(f"{path} is not a regular file on the branch")
    blob = api.get(f"git/blobs/{urllib.parse.quote(str(found['sha']))}")
    try:
        return base64.b64decode(str(blob["content"]), validate=False).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ApiError(f"{path} is not text: {error}") from error


def commit_files(api: Api, head: Head, files: Mapping[str, str], message: str) -> str:
    """Commit files on top of the head and move the branch there; return the commit's id.

    The branch is only moved forward: if it has gained a commit since, nothing is changed, and
    `ApiError` says so.
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


_SECONDS = 30
_ANSWER_BYTES = 32 * 1024**2
_MOST_PAGES = 30
_PER_PAGE = 100


_HEADERS = {
    "Accept": "application/vnd.github+json",
    "Content-Type": "application/json",
    "User-Agent": "pytest-memguard",
    "X-GitHub-Api-Version": "2022-11-28",
}


class ApiError(MemguardError):
    """A request that failed; `status` is the HTTP status, or 0 if there was no answer."""

    slug = "github-api"

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: they may lead to another host, which must not get the token."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Do not follow the redirect."""


_OPENER = urllib.request.build_opener(_NoRedirect)


@dataclass(frozen=True, slots=True)
class Api:
    """The API of one repository (`owner/name`); the token never appears in a message or a `repr`."""

    url: str
    repository: str
    token: str = field(repr=False)

    def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON of a path below the repository; `ApiError` for any failure."""
        return self.call("GET", path, query=query)

    def login(self) -> str:
        """Return the name of the token's user; empty for a workflow's own token, which has no user."""
        try:
            return str(self.get("/user")["login"])
        except (ApiError, KeyError, TypeError):
            return ""

    def pages(self, path: str, key: str = "") -> Iterator[Any]:
        """Yield the elements of a list, page by page; `key` names the list if it is inside an object."""
        for page in range(1, _MOST_PAGES + 1):
            answer = self.get(path, per_page=_PER_PAGE, page=page)
            elements = answer.get(key, []) if key else answer
            yield from elements
            if len(elements) < _PER_PAGE:
                return

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """Send one request and return the JSON of the answer; None for an empty answer."""
        with self._open(method, path, body, query) as answer:
            content = answer.read(_ANSWER_BYTES + 1)
        if len(content) > _ANSWER_BYTES:
            raise ApiError(f"{method} {path} answered more than {_ANSWER_BYTES:,} bytes.")
        try:
            return json.loads(content) if content.strip() else None
        except ValueError as error:
            raise ApiError(f"{method} {path} answered something that is not JSON: {error}.") from error

    def download(self, path: str, most_bytes: int) -> bytes:
        """Return a file that the API redirects to; the token is sent to the API's own host only."""
        try:
            with self._open("GET", path, None, None) as answer:
                content = answer.read(most_bytes + 1)
        except ApiError as error:
            target = error.__cause__.headers.get("Location", "") if _is_redirect(error) else ""  # type: ignore[union-attr]  # a redirect is an HTTPError
            if not target.startswith(("https://", self.url.partition("://")[0] + "://")):
                raise
            content = _read_plain(target, most_bytes + 1)
        if len(content) > most_bytes:
            raise ApiError(f"{path} has more than the {most_bytes:,} bytes that are accepted.")
        return content

    def _open(
        self, method: str, path: str, body: Mapping[str, Any] | None, query: Mapping[str, Any] | None
    ) -> IO[bytes]:
        below = path if path.startswith("/") else f"/repos/{self.repository}/{path}"
        url = f"{self.url.rstrip('/')}{below}"
        if query:
            url += f"?{urllib.parse.urlencode(query)}"
        content = None if body is None else json.dumps(body).encode()
        headers = {**_HEADERS, "Authorization": f"Bearer {self.token}"}
        try:
            request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310 - the scheme is that of the API's own address
            opened: IO[bytes] = _OPENER.open(request, timeout=_SECONDS)
        except urllib.error.HTTPError as error:
            raise ApiError(f"{method} {path} answered {error.code} {error.reason}.", error.code) from error
        except (OSError, HTTPException, ValueError) as error:
            # A ValueError is about a token or an address that no request can contain, and may quote it.
            shown = type(error).__name__ if isinstance(error, ValueError) else error
            raise ApiError(f"{method} {path} had no answer: {shown}.") from None
        return opened


_REDIRECTS = (301, 302, 303, 307, 308)


def _is_redirect(error: ApiError) -> bool:
    return error.status in _REDIRECTS and isinstance(error.__cause__, urllib.error.HTTPError)


def _read_plain(url: str, most_bytes: int) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - the scheme was checked by the caller
            content: bytes = answer.read(most_bytes)
    except (OSError, HTTPException, ValueError) as error:
        raise ApiError(f"the file behind the redirect cannot be read: {type(error).__name__}.") from None
    return content
