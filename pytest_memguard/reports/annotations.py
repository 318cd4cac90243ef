"""Results as GitHub annotations: workflow commands that mark the source lines that grew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pytest_memguard.core.verdict import Outcome, RunResults
from pytest_memguard.reports.rows import Row, SiteRow, rows, worst_first
from pytest_memguard.reports.untrusted import printable, terminal_line

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
        properties = [f"title={escape_property(terminal_line(self.title))}"]
        if self.file:
            properties.insert(0, f"file={escape_property(terminal_line(self.file))}")
            properties.insert(1, f"line={max(self.line, 1)}")
        message = escape_message("\n".join(map(terminal_line, self.message.split("\n"))))
        return f"::{self.kind} {','.join(properties)}::{message}"


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


def _as_it_is(file: str) -> str | None:
    return file


@dataclass(frozen=True, slots=True)
class AnnotationsReport:
    """The results as workflow commands of GitHub.

    `locate` turns a file of the project into its path in the repository, and answers None for
    one that is not there: such an annotation carries no place, and none leaves the repository.
    """

    locate: Callable[[str], str | None] = _as_it_is

    def lines(self, results: RunResults, *, width: int = 0) -> Iterator[str]:  # noqa: ARG002 - a command has no width
        """Yield the commands, a line each."""
        yield from map(str, self.annotations(results))

    def annotations(self, results: RunResults) -> Iterator[Annotation]:
        """Yield at most ten annotations of each kind, worst first, and say how many more there are."""
        by_kind: dict[str, list[Row]] = {"error": [], "warning": [], "notice": []}
        for row in worst_first(rows(results)):
            kind = _kind(row, advisory=results.advisory)
            if kind:
                by_kind[kind].append(row)
        left_out = 0
        for kind, found in by_kind.items():
            room = AT_MOST - 1 if kind == "notice" else AT_MOST
            left_out += max(len(found) - room, 0)
            yield from (self._annotation(kind, row) for row in found[:room])
        if left_out:
            yield Annotation("notice", f"{left_out:,} more tests are in the job summary.")

    def _annotation(self, kind: str, row: Row) -> Annotation:
        grown, file = self._first_located(row)
        at_site = f" ({grown.growth} {_where(grown)})" if grown else ""
        more = "".join(f"; {text}" for text in row.further)
        message = f"{row.id}: {row.sentence or row.outcome}{at_site}{more}"
        return Annotation(
            kind=kind,
            title=f"memguard: {row.outcome}",
            message=printable(message, at_most=_MESSAGE_CHARACTERS),
            file=file,
            line=grown.site.line if grown else 1,
        )

    def _first_located(self, row: Row) -> tuple[SiteRow | None, str]:
        """Return the first site that lies in the repository, or else the test's own file."""
        for grown in row.sites:
            file = self.locate(grown.site.file)
            if file is not None:
                return grown, file
        return None, self.locate(row.module) or ""


def _where(grown: SiteRow) -> str:
    return f"in {grown.site.function}: {'; '.join(grown.lines)}" if grown.lines else "here"


def _kind(row: Row, *, advisory: bool) -> str:
    if row.fails and not advisory:
        return "error"
    if row.outcome.is_growth or row.outcome in (Outcome.CREPT, Outcome.NOT_MEASURED):
        return "warning"
    return "notice" if row.outcome is Outcome.IMPROVED or row.outcome.is_about_entry else ""
