"""Writes styled lines with pytest's terminal writer, in its colours where it has any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprEntryNative, TerminalRepr
from _pytest._io import TerminalWriter

from pytest_memguard.core.node_ids import region_of
from pytest_memguard.core.run_results import TestResult
from pytest_memguard.reports.styled import TERMINAL_STYLES, Line
from pytest_memguard.reports.text import failure_styled


def write(terminal: TerminalWriter, lines: Iterable[Line]) -> None:
    """Write lines; the writer knows whether its terminal has colours, and whether they are enabled."""
    for line in lines:
        for piece in line.pieces:
            colour, is_bold = TERMINAL_STYLES[piece.style]
            terminal.write(piece.text, **({colour: True} if colour else {}), bold=is_bold)
        terminal.line()


class _Coloured(ReprEntryNative):
    """The text of a failure, which is written in colours where there are any."""

    def __init__(self, plain: ReprEntryNative, results: Sequence[tuple[TestResult, str]]) -> None:
        super().__init__(plain.lines)
        self._results = results

    def toterminal(self, tw: TerminalWriter) -> None:
        """Write it."""
        if not tw.hasmarkup:
            super().toterminal(tw)
            return
        for result, region in self._results:
            write(tw, failure_styled(result, region, width=tw.fullwidth))


# By its name pytest tells the kinds apart where it writes a report.
_Coloured.__name__ = ReprEntryNative.__name__


def colour(report: pytest.TestReport, results: Sequence[TestResult]) -> None:
    """Let the failure that memguard put into a report be written in colours."""
    failing = [(result, region_of(result.id, report.nodeid)) for result in results if result.fails]
    whole = report.longrepr
    if not failing or not isinstance(whole, ExceptionChainRepr):
        return
    entries: list[TerminalRepr] = list(whole.reprtraceback.reprentries)
    if len(entries) == 1 and type(entries[0]) is ReprEntryNative:
        whole.reprtraceback.reprentries[:] = [_Coloured(entries[0], failing)]  # type: ignore[index]  # a list, though it is declared as a sequence
