"""The page of a run: every test that fits, the worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_memguard.core.history import TestHistory
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.reports.html.content import history_content, run_content, test_content, tests_content
from pytest_memguard.reports.html.document import document, json_in_html
from pytest_memguard.reports.markdown import headline

DATA_BYTES = 24_000_000
"""The most bytes of tests in a page; a browser still opens it, and 5,000 tests need a tenth of it."""

WITHOUT_SCRIPT = 100
"""The most tests that are shown where scripts do not run."""

Link = tuple[str, str]
"""The text of a link, and its target, relative to the page's folder."""


@dataclass(frozen=True, slots=True)
class HtmlReport:
    """The results as one HTML page, in which names of tests are never markup.

    `links` are further pages, by the tests that they are about. `history` is what was accepted before, by
    environment and test.
    """

    links: Mapping[str, tuple[Link, ...]] = field(default_factory=dict)
    history: Mapping[str, Mapping[str, TestHistory]] = field(default_factory=dict)

    def page(self, *runs: RunResults) -> str:
        """Return the page of one run, or of the runs of several environments."""
        data = self._data(runs)
        return document(
            "page.html",
            styles=("uPlot.min.css", "page.css"),
            scripts=("uPlot.iife.min.js", "words.js", "charts.js", "detail.js", "page.js"),
            data=data,
            failed=any(run.failed for run in runs),
            runs=data["runs"],
            tests=data["tests"][:WITHOUT_SCRIPT],
            left_out=data["left_out"],
        )

    def _data(self, runs: tuple[RunResults, ...]) -> dict[str, Any]:
        """Return the content of the page; tests that do not fit are left out from the end, and counted."""
        tests: list[dict[str, object]] = []
        room = DATA_BYTES
        found = tests_content(runs)
        for row, number, test in found:
            content = test_content(test, row)
            if number:
                content["run"] = number
            if test.id in self.links:
                content["links"] = self.links[test.id]
            past = self.history.get(runs[number].environment, {}).get(test.id)
            if past is not None and len(past.steps) > 1:
                content["history"] = history_content(past)
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
