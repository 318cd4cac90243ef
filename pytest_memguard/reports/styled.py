"""Lines of text for a terminal, made of pieces with a style, and broken only between words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.reports.untrusted import terminal_line

_WORDS = re.compile(r"(?: +)?(?:(?:limit )?[-+(]?[0-9][0-9.,]* [A-Za-z][^ ]*|[^ ]+)")
"""A word with the blanks before it; a number and its unit are one word."""


class Style(str, Enum):
    """What a piece of a line means; its colour is chosen where it is written."""

    PLAIN = "plain"
    BAD = "bad"
    DOUBTFUL = "doubtful"
    GOOD = "good"
    STRONG = "strong"


TERMINAL_STYLES: Mapping[Style, tuple[str | None, bool]] = {
    Style.PLAIN: (None, False),
    Style.BAD: ("red", True),
    Style.DOUBTFUL: ("yellow", False),
    Style.GOOD: ("green", False),
    Style.STRONG: (None, True),
}
"""How a style is written on a terminal: the name of a colour, and whether it is bold."""


def style_of(outcome: Outcome) -> Style:
    """Return the style in which an outcome is written."""
    if outcome.is_growth:
        return Style.BAD
    if outcome in (Outcome.OK, Outcome.IMPROVED):
        return Style.GOOD
    return Style.PLAIN if outcome.is_new else Style.DOUBTFUL


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line; control characters in its text are shown as escapes."""

    text: str
    style: Style = Style.PLAIN

    def __post_init__(self) -> None:
        """Escape the text, wherever it comes from."""
        object.__setattr__(self, "text", terminal_line(self.text))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of pieces; text that does not fit continues on the next line, indented by `hang`.

    A command that does not fit is moved to the next line as a whole, so that it can be copied. `apart`
    separates it from the text if it fits.
    """

    pieces: tuple[Piece, ...]
    hang: int = 0
    command: str = ""
    apart: str = "  "

    @property
    def text(self) -> str:
        """The text without its styles."""
        return "".join(piece.text for piece in self.pieces)

    def wrapped(self, width: int) -> Iterator[Line]:
        """Yield the line as lines of at most `width` columns, except for longer words and commands."""
        lines = list(_filled(self.pieces, width, self.hang))
        if self.command:
            command = Piece(self.command, Style.STRONG)
            last = lines[-1]
            fits = len(last.text) + len(self.apart) + len(command.text) <= width
            if not last.text.strip(" ") or (len(lines) == 1 and fits):
                lines[-1] = Line((*last.pieces, Piece(self.apart), command))
            else:
                lines.append(Line((Piece(" " * max(self.hang, _indent(self.text) + 2)), command)))
        yield from lines


def line(*parts: str | Piece, hang: int = 0, command: str = "", apart: str = "  ") -> Line:
    """Make a line of plain texts and styled pieces."""
    pieces = tuple(part if isinstance(part, Piece) else Piece(part) for part in parts)
    return Line(pieces, hang, command, apart)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _filled(pieces: tuple[Piece, ...], width: int, hang: int) -> Iterator[Line]:
    """Fill lines with words, without breaking a word."""
    current: list[Piece] = []
    column = 0
    for piece in pieces:
        for word in _WORDS.findall(piece.text) or ([piece.text] if piece.text else []):
            if column + len(word) > width and column > hang:
                yield Line(tuple(_joined(current)))
                current, column = [Piece(" " * hang)], hang
                word = word.lstrip(" ")  # noqa: PLW2901 - the blanks before it were at the end of the line
            current.append(Piece(word, piece.style))
            column += len(word)
        tail = piece.text[len(piece.text.rstrip(" ")) :]
        if tail and piece.text.strip(" "):
            current.append(Piece(tail))
            column += len(tail)
    yield Line(tuple(_joined(current)))


def _joined(pieces: list[Piece]) -> Iterator[Piece]:
    """Join adjacent pieces of the same style."""
    text, style = "", Style.PLAIN
    for piece in pieces:
        if piece.style is not style and text:
            yield Piece(text, style)
            text = ""
        style = piece.style
        text += piece.text
    if text:
        yield Piece(text, style)
