"""A small GitHub on loopback: what the comment and accept steps ask for, and a log of who asked."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "ghs_a-token-that-must-not-leak"
HEAD = "1" * 40
BASE = "b" * 40


class FakeGitHub:
    """State that tests set and look at; `refuse` answers a status for a method and a path."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self.comments: list[dict[str, Any]] = []
        self.permission = "write"
        self.login = ""
        self.pull: dict[str, Any] = {
            "number": 7,
            "state": "open",
            "head": {"ref": "feature/x", "sha": HEAD, "repo": {"full_name": "acme/app"}},
            "base": {"ref": "main", "sha": BASE},
        }
        self.runs: list[dict[str, Any]] = [{"id": 11, "head_sha": HEAD, "created_at": "2026-01-01T00:00:00Z"}]
        self.artifacts: dict[str, bytes] = {}
        self.files: dict[str, str] = {}
        self.base_files: dict[str, str] = {}
        self.committed: list[dict[str, Any]] = []
        self.branch = HEAD
        self.refuse: dict[tuple[str, str], int] = {}
        self.url = ""

    def answer(self, method: str, path: str, query: Mapping[str, list[str]], body: Any) -> tuple[int, Any]:
        """Answer one request below the repository."""
        for (refused, pattern), status in self.refuse.items():
            if refused == method and re.search(pattern, path):
                return status, {"message": "refused"}
        for (known, pattern), handler in ROUTES.items():
            match = re.fullmatch(pattern, path)
            if known == method and match:
                return handler(self, *map(unquote, match.groups()), query=query, body=body)
        return 404, {"message": f"no {method} {path}"}

    def list_comments(self, _number: str, *, query: Mapping[str, list[str]], **_: Any) -> tuple[int, Any]:
        size, page = int(query["per_page"][0]), int(query["page"][0])
        return 200, self.comments[(page - 1) * size : page * size]

    def post_comment(self, _number: str, *, body: Any, **_: Any) -> tuple[int, Any]:
        user = {"login": self.login or "github-actions[bot]", "type": "User" if self.login else "Bot"}
        comment = {"id": 900 + len(self.comments), "body": body["body"], "user": user}
        self.comments.append(comment)
        return 201, comment

    def edit_comment(self, number: str, *, body: Any, **_: Any) -> tuple[int, Any]:
        comment = next(comment for comment in self.comments if comment["id"] == int(number))
        comment["body"] = body["body"]
        return 200, comment

    def get_permission(self, _login: str, **_: Any) -> tuple[int, Any]:
        return 200, {"permission": self.permission}

    def get_pull(self, _number: str, **_: Any) -> tuple[int, Any]:
        return 200, self.pull

    def list_pulls(self, *, query: Mapping[str, list[str]], **_: Any) -> tuple[int, Any]:
        return 200, [self.pull] if query["head"] == ["mallory:feature/x"] else []

    def list_runs(self, _workflow: str, *, query: Mapping[str, list[str]], **_: Any) -> tuple[int, Any]:
        assert query["event"] == ["pull_request"]
        return 200, {"workflow_runs": self.runs}

    def list_artifacts(self, _run: str, **_: Any) -> tuple[int, Any]:
        named = [{"id": number, "name": name} for number, name in enumerate(self.artifacts)]
        return 200, {"artifacts": named}

    def get_artifact(self, number: str, **_: Any) -> tuple[int, Any]:
        return 302, f"{self.url}/storage/{number}"

    def get_content(self, path: str, *, query: Mapping[str, list[str]], **_: Any) -> tuple[int, Any]:
        files = {HEAD: self.files, BASE: self.base_files}[query["ref"][0]]
        if path not in files:
            return 404, {"message": "Not Found"}
        return 200, {"type": "file", "sha": hashlib.sha256(files[path].encode()).hexdigest()}

    def get_blob(self, sha: str, **_: Any) -> tuple[int, Any]:
        texts = [*self.files.values(), *self.base_files.values()]
        text = next(text for text in texts if hashlib.sha256(text.encode()).hexdigest() == sha)
        return 200, {"content": base64.encodebytes(text.encode()).decode()}

    def get_commit(self, sha: str, **_: Any) -> tuple[int, Any]:
        return 200, {"tree": {"sha": f"tree-of-{sha}"}}

    def post_tree(self, *, body: Any, **_: Any) -> tuple[int, Any]:
        self.committed.append({"tree": body})
        return 201, {"sha": "newtree"}

    def post_commit(self, *, body: Any, **_: Any) -> tuple[int, Any]:
        self.committed[-1]["commit"] = body
        return 201, {"sha": "2" * 40}

    def move_branch(self, name: str, *, body: Any, **_: Any) -> tuple[int, Any]:
        assert body["force"] is False
        if self.branch != self.committed[-1]["commit"]["parents"][0]:
            return 422, {"message": "Update is not a fast forward"}
        self.committed[-1]["branch"] = name
        self.branch = body["sha"]
        return 200, {}


Handler = Callable[..., tuple[int, Any]]
ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", r"issues/(\d+)/comments"): FakeGitHub.list_comments,
    ("POST", r"issues/(\d+)/comments"): FakeGitHub.post_comment,
    ("PATCH", r"issues/comments/(\d+)"): FakeGitHub.edit_comment,
    ("GET", r"collaborators/([^/]+)/permission"): FakeGitHub.get_permission,
    ("GET", r"pulls/(\d+)"): FakeGitHub.get_pull,
    ("GET", r"pulls"): FakeGitHub.list_pulls,
    ("GET", r"actions/workflows/([^/]+)/runs"): FakeGitHub.list_runs,
    ("GET", r"actions/runs/(\d+)/artifacts"): FakeGitHub.list_artifacts,
    ("GET", r"actions/artifacts/(\d+)/zip"): FakeGitHub.get_artifact,
    ("GET", r"contents/(.+)"): FakeGitHub.get_content,
    ("GET", r"git/blobs/(\w+)"): FakeGitHub.get_blob,
    ("GET", r"git/commits/(\w+)"): FakeGitHub.get_commit,
    ("POST", r"git/trees"): FakeGitHub.post_tree,
    ("POST", r"git/commits"): FakeGitHub.post_commit,
    ("PATCH", r"git/refs/heads/(.+)"): FakeGitHub.move_branch,
}


@contextmanager
def serving(github: FakeGitHub) -> Iterator[FakeGitHub]:
    """Serve on loopback for the time of a test."""

    class Requests(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            split = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            authorization = self.headers.get("Authorization", "")
            github.requests.append((self.command, split.path, authorization))
            if split.path.startswith("/storage/"):
                content = list(github.artifacts.values())[int(split.path.rpartition("/")[2])]
                return self.send(200, content)
            if split.path == "/user":
                known = {"login": github.login} if github.login else {}
                return self.send(200 if known else 403, json.dumps(known).encode())
            if authorization != f"Bearer {TOKEN}":
                return self.send(401, b"{}")
            below = split.path.removeprefix("/repos/acme/app/")
            answer = github.answer(self.command, below, parse_qs(split.query), json.loads(body or b"null"))
            if answer[0] == 302:
                return self.send(302, b"", location=answer[1])
            return self.send(answer[0], json.dumps(answer[1]).encode())

        do_GET = do_POST = do_PATCH = handle_any  # noqa: N815 - the names are http.server's

        def send(self, status: int, content: bytes, location: str = "") -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing on the test's standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    github.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def archive(files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None) -> bytes:
    """Make an artifact's archive; `links` are symbolic links by name."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
        for name, target in (links or {}).items():
            link = zipfile.ZipInfo(name)
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(link, target)
    return made.getvalue()
