"""Results as GitHub annotations: workflow commands that mark the source lines that grew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_memguard.core.run_results import RunResults
from pytest_memguard.reports.locations import Level, Locate, as_it_is, level_of, location_of, message_of
from pytest_memguard.reports.rows import Row, rows, worst_first
from pytest_memguard.reports.untrusted import printable, terminal_line

AT_MOST = 10
"""GitHub shows ten annotations of each kind for a step, and drops the others silently."""

_MESSAGE_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Annotation:
    """One workflow command: its kind (`error`, `warning`, `notice`), a message, and possibly a place."""

    kind: str
    message: str
    title: str = "memguard"
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        """Write the command, with all characters escaped that could end it or start another one."""
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


@dataclass(frozen=True, slots=True)
class AnnotationsReport:
    """The results as workflow commands of GitHub.

    `locate` turns a file of the project into its path in the repository, or None if it is not there;
    the annotation then has no place. No place is outside of the repository.
    """

    locate: Locate = as_it_is

    def lines(self, results: RunResults, *, width: int = 0) -> Iterator[str]:  # noqa: ARG002 - a command has no width
        """Yield the commands, one on each line."""
        yield from map(str, self.annotations(results))

    def annotations(self, results: RunResults) -> Iterator[Annotation]:
        """Yield at most ten annotations of each kind, worst first, and say how many more there are."""
        by_kind: dict[Level, list[Row]] = {level: [] for level in Level}
        for row in worst_first(rows(results)):
            level = level_of(row, advisory=results.advisory)
            if level is not None:
                by_kind[level].append(row)
        left_out = 0
        for kind, found in by_kind.items():
            room = AT_MOST - 1 if kind is Level.NOTICE else AT_MOST
            left_out += max(len(found) - room, 0)
            yield from (self._annotation(kind.value, row) for row in found[:room])
        if left_out:
            yield Annotation("notice", f"{left_out:,} more tests are in the job summary.")

    def _annotation(self, kind: str, row: Row) -> Annotation:
        place = location_of(row, self.locate)
        return Annotation(
            kind=kind,
            title=f"memguard: {row.outcome}",
            message=printable(message_of(row, place), at_most=_MESSAGE_CHARACTERS),
            file=place.file,
            line=place.line,
        )
