"""Results as findings of a code scanner: SARIF 2.1.0, and GitLab's report of code quality."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from pytest_memguard import __version__
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.reports.locations import (
    Level,
    Locate,
    Location,
    as_it_is,
    level_of,
    location_of,
    message_of,
)
from pytest_memguard.reports.rows import Row, rows, worst_first
from pytest_memguard.reports.untrusted import printable

AT_MOST = 5_000
"""GitHub shows the first 5,000 results of a SARIF file, and refuses more than 25,000."""

_MESSAGE_CHARACTERS = 1_000
_PATH_CHARACTERS = 1_000
_DOCS = "https://github.com/pytest-memguard/pytest-memguard/blob/main/docs/reference/outcomes.md"
_SARIF_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTICE: "note"}
_SEVERITIES = {Level.ERROR: "major", Level.WARNING: "minor", Level.NOTICE: "info"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One result that needs attention, with the place to show it; its texts are already escaped."""

    outcome: Outcome
    level: Level
    place: Location
    message: str
    fingerprint: str


def findings(results: RunResults, locate: Locate) -> Iterator[Finding]:
    """Yield the results that need attention, the worst first."""
    found = 0
    for row in worst_first(rows(results)):
        level = level_of(row, advisory=results.advisory)
        place = location_of(row, locate)
        if level is None:
            continue
        if not place.file:  # nothing is left out for a file that is not here
            place = Location(row.module, 1)
        found += 1
        if found > AT_MOST:
            return
        message = printable(message_of(row, place), at_most=_MESSAGE_CHARACTERS)
        yield Finding(row.outcome, level, place, message, _fingerprint(results, row))


def _fingerprint(results: RunResults, row: Row) -> str:
    """Return an id by test, outcome and environment, so that the same finding of a later run has it too."""
    text = f"{results.environment}\n{row.outcome}\n{row.id}"
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


@dataclass(frozen=True, slots=True)
class SarifReport:
    """The results as SARIF 2.1.0, with a run for each environment; JSON escapes every text."""

    locate: Locate = as_it_is

    def page(self, *runs: RunResults) -> str:
        """Return the document."""
        return _json(
            {
                "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
                "version": "2.1.0",
                "runs": [self._run(results) for results in runs],
            }
        )

    def _run(self, results: RunResults) -> dict[str, object]:
        found = list(findings(results, self.locate))
        outcomes = [outcome for outcome in Outcome if outcome in {one.outcome for one in found}]
        return {
            "tool": {
                "driver": {
                    "name": "memguard",
                    "version": __version__,
                    "informationUri": "https://github.com/pytest-memguard/pytest-memguard",
                    "rules": [_rule(outcome) for outcome in outcomes],
                }
            },
            "automationDetails": {"id": f"memguard/{results.environment}/"},
            "results": [_sarif_result(one, outcomes.index(one.outcome)) for one in found],
        }


_MEANINGS = {
    Outcome.LEAKED: "Memory, threads, files or processes stay behind on every further call.",
    Outcome.OVER_LIMIT: "A test needs more than a limit in its marker or the settings allows.",
    Outcome.GREW: "A test needs more memory than was accepted.",
    Outcome.CREPT: "Growth in small steps adds up to more than is allowed.",
    Outcome.NOT_MEASURED: "A guarded test could not be measured.",
    Outcome.UNGUARDED: "A test with an accepted entry is no longer guarded.",
    Outcome.STALE: "An accepted entry has no test any more.",
    Outcome.IMPROVED: "A test needs less memory than was accepted.",
}


def _rule(outcome: Outcome) -> dict[str, object]:
    meaning = _MEANINGS.get(outcome, "A test has this outcome.")
    return {
        "id": str(outcome),
        "shortDescription": {"text": meaning},
        "fullDescription": {"text": meaning},
        "help": {"text": f"{meaning} See {_DOCS}"},
        "helpUri": _DOCS,
    }


def _sarif_result(one: Finding, rule: int) -> dict[str, object]:
    location = {
        "artifactLocation": {"uri": _uri(one.place.file), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": one.place.line},
    }
    return {
        "ruleId": str(one.outcome),
        "ruleIndex": rule,
        "level": _SARIF_LEVELS[one.level],
        "message": {"text": one.message},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"memguardTest/v1": one.fingerprint},
    }


def _uri(file: str) -> str:
    """Write a path as a relative reference; a colon in its first part would make that a scheme."""
    return quote(printable(file, at_most=_PATH_CHARACTERS), safe="/")


@dataclass(frozen=True, slots=True)
class GitlabReport:
    """The results as GitLab's `gl-code-quality-report.json`; JSON escapes every text."""

    locate: Locate = as_it_is

    def page(self, *runs: RunResults) -> str:
        """Return the document."""
        return _json([_issue(one) for results in runs for one in findings(results, self.locate)])


def _issue(one: Finding) -> dict[str, object]:
    return {
        "description": one.message,
        "check_name": f"memguard: {one.outcome}",
        "fingerprint": one.fingerprint,
        "severity": _SEVERITIES[one.level],
        "location": {
            "path": printable(one.place.file, at_most=_PATH_CHARACTERS),
            "lines": {"begin": one.place.line},
        },
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"
