"""Results as GitHub annotations: workflow commands that mark the source lines that grew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pytest_memguard.core.measurement import Site
from pytest_memguard.core.verdict import Outcome, RunResults, TestResult
from pytest_memguard.gate.wording import change_text, growth_text, quarantine_text
from pytest_memguard.reports.ranking import worst_first
from pytest_memguard.reports.untrusted import printable

AT_MOST = 10
"""GitHub shows ten annotations of a kind for a step and drops the rest without a word."""

_MESSAGE_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Annotation:
    """One workflow command: its kind (`error`, `warning`, `notice`), a message and, maybe, a place."""

    kind: str
    message: str
    title: str = "memguard"
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        """Write the command with everything escaped that could end it or start another."""
        properties = [f"title={escape_property(self.title)}"]
        if self.file:
            properties.insert(0, f"file={escape_property(self.file)}")
            properties.insert(1, f"line={max(self.line, 1)}")
        return f"::{self.kind} {','.join(properties)}::{escape_message(self.message)}"


def escape_message(text: str) -> str:
    r"""Escape the text after the second `::` of a workflow command.

    >>> escape_message("50%\n::error::x")
    '50%25%0A::error::x'
    """
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Escape a property of a workflow command; there the separators count as well.

    >>> escape_property("a,b: c")
    'a%2Cb%3A c'
    """
    return escape_message(text).replace(":", "%3A").replace(",", "%2C")


def worst_annotations(results: RunResults, *, locate: Callable[[str], str | None]) -> Iterator[Annotation]:
    """Yield at most ten annotations of each kind, worst first, and say how many more there are.

    `locate` turns a file of the project into its path in the repository, and answers None for
    one that is not there: such an annotation carries no place, and none leaves the repository.
    """
    by_kind: dict[str, list[TestResult]] = {"error": [], "warning": [], "notice": []}
    for test in worst_first(results.tests):
        kind = _kind(test, advisory=results.advisory)
        if kind:
            by_kind[kind].append(test)
    left_out = 0
    for kind, tests in by_kind.items():
        room = AT_MOST - 1 if kind == "notice" else AT_MOST
        left_out += max(len(tests) - room, 0)
        yield from (_annotation(kind, test, locate) for test in tests[:room])
    if left_out:
        yield Annotation("notice", f"{left_out:,} more tests are in the job summary.")


def _kind(test: TestResult, *, advisory: bool) -> str:
    if test.fails and not advisory:
        return "error"
    if test.outcome.is_growth or test.outcome is Outcome.NOT_MEASURED:
        return "warning"
    return "notice" if test.outcome is Outcome.IMPROVED or test.outcome.is_about_entry else ""


def _annotation(kind: str, test: TestResult, locate: Callable[[str], str | None]) -> Annotation:
    site, file = _first_located(test, locate)
    grown = next((one for one in test.verdict.sites if one.site == site), None)
    at_site = f" ({growth_text(grown)} here)" if grown else ""
    quarantined = f"; {quarantine_text(test.verdict)}" if test.verdict.quarantine else ""
    return Annotation(
        kind=kind,
        title=f"memguard: {test.outcome}",
        message=printable(f"{test.id}: {_sentence(test)}{at_site}{quarantined}", at_most=_MESSAGE_CHARACTERS),
        file=file,
        line=site.line if site else 1,
    )


def _sentence(test: TestResult) -> str:
    metric = test.verdict.deciding
    if test.outcome is Outcome.GREW and metric is not None:
        return f"{metric.name} {change_text(metric)}"
    return test.verdict.reason or str(test.outcome)


def _first_located(test: TestResult, locate: Callable[[str], str | None]) -> tuple[Site | None, str]:
    """Return the first site that lies in the repository, or else the test's own file."""
    for grown in test.verdict.sites:
        file = locate(grown.site.file)
        if file is not None:
            return grown.site, file
    return None, locate(test.id.split("::", 1)[0]) or ""
