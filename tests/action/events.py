"""Payloads of the events that start workflows, as far as the action looks at them."""

from __future__ import annotations

from typing import Any

from tests.action.fake_api import HEAD


def pull_request(*, fork: bool = False, title: str = "Faster", branch: str = "feature/x") -> dict[str, Any]:
    """Return the payload of a pull request, number 7, from a branch of the repository or of a fork."""
    owner = "mallory" if fork else "acme"
    return {
        "pull_request": {
            "number": 7,
            "title": title,
            "head": {
                "ref": branch,
                "sha": HEAD,
                "repo": {"fork": fork, "full_name": f"{owner}/app"},
                "user": {"login": owner},
            },
            "base": {"ref": "main", "repo": {"full_name": "acme/app"}},
        }
    }


def workflow_run(event: str = "pull_request") -> dict[str, Any]:
    """Return the payload after a run on the commit of mallory's pull request."""
    run = {
        "id": 11,
        "event": event,
        "head_sha": HEAD,
        "head_branch": "feature/x",
        "head_repository": {"owner": {"login": "mallory"}},
    }
    return {"workflow_run": run}


def issue_comment(body: str, *, on_pull_request: bool = True) -> dict[str, Any]:
    """Return the payload of a comment on number 7."""
    issue: dict[str, Any] = {"number": 7, **({"pull_request": {"url": "x"}} if on_pull_request else {})}
    comment = {"body": body, "user": {"login": "maintainer"}, "created_at": "2026-01-02T00:00:00Z"}
    return {"action": "created", "issue": issue, "comment": comment}
