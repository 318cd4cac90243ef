"""Renders the page: assets and data in one file, under a policy that lets nothing else run or load."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from pytest_memguard.core.verdict import Outcome, RunResults
from pytest_memguard.reports.html.content import run_content, test_content, tests_content
from pytest_memguard.reports.markdown import headline

DATA_BYTES = 24_000_000
"""What the tests may take in the page; a browser still opens it, and 5,000 tests have a tenth of it."""

WITHOUT_SCRIPT = 100
"""Tests that a reader sees who lets no script run."""

_STYLES = ("uPlot.min.css", "page.css")
_SCRIPTS = ("uPlot.iife.min.js", "words.js", "charts.js", "detail.js", "page.js")
_AS_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&'"}
"""What could end the element that the data is in, or begin a comment there."""


class HtmlReport:
    """The results as one HTML page; what the tests are called is text in it and nothing else."""

    def lines(self, results: RunResults, *, width: int = 0) -> Iterator[str]:  # noqa: ARG002 - a page has no width
        """Yield the lines of the page of one run."""
        yield from self.page(results).splitlines()

    def page(self, *runs: RunResults) -> str:
        """Return the page of one run, or of the runs of several environments."""
        style, script = _assets(_STYLES), _assets(_SCRIPTS)
        data = _data(runs)
        return _template().render(
            policy=_policy(script, style),
            style=Markup(style),  # noqa: S704 - our own files
            script=Markup(script),  # noqa: S704 - as above
            data=Markup(json_in_html(data)),  # noqa: S704 - nothing in it ends its element
            failed=any(run.failed for run in runs),
            runs=data["runs"],
            tests=data["tests"][:WITHOUT_SCRIPT],
            left_out=data["left_out"],
        )


def json_in_html(value: object) -> str:
    r"""Return JSON for a script element: ASCII, and without what a parser of HTML looks at.

    >>> json_in_html("</script><!-- é")
    '"\\u003c/script\\u003e\\u003c!-- \\u00e9"'
    """
    return json.dumps(value, allow_nan=False, separators=(",", ":")).translate(_AS_ESCAPES)


def _data(runs: tuple[RunResults, ...]) -> dict[str, Any]:
    """Return all that the page shows; the tests that do not fit are the last, and counted."""
    tests: list[dict[str, object]] = []
    room = DATA_BYTES
    found = tests_content(runs)
    for row, number, test in found:
        content = test_content(test, row)
        if number:
            content["run"] = number
        room -= len(json_in_html(content))
        if room < 0:
            break
        tests.append(content)
    return {
        "runs": [run_content(run, str(headline(run))) for run in runs],
        "outcomes": [str(outcome) for outcome in Outcome],
        "tests": tests,
        "left_out": len(found) - len(tests),
    }


@cache
def _assets(names: tuple[str, ...]) -> str:
    folder = files(__package__).joinpath("assets")
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_assets(("page.html",)))


def _policy(script: str, style: str) -> str:
    """Return the content security policy: our script and style by their hashes, and nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
