"""Escapes text from test code or from a fork's artifact for the place where it is shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

SHOWN_CHARACTERS = 240
"""Longer names are shown without their middle; ids of 4,000 characters exist."""

_INLINE_MARKUP = re.compile(r"[!#$&*<>\[\\\]_`{|}~]")
_MARKUP = re.compile(rf"{_INLINE_MARKUP.pattern}|^[-+=](?=\s|[-=\s]*$)|(?<=^[0-9])[.)](?=\s|$)")
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_BREAK = "\u200b"
"""A zero-width space: GitHub makes no mention, link or reference out of a word that contains one."""


class Markup(str):
    """Markdown that memguard wrote, or text that is escaped already: a renderer writes it unchanged.

    All other text that is put into it becomes `prose`, so that escaping cannot be forgotten.
    """

    __slots__ = ()

    def fill(self, *parts: object) -> Markup:
        r"""Put texts into the places marked `{}`; text that is not `Markup` is escaped.

        >>> Markup("- {}: {}").fill(code("a|b"), "<b>")
        '- `a|b`: \\<b\\>'
        """
        return Markup(str.format(self, *(_as_markup(part) for part in parts)))

    def join(self, parts: Iterable[str]) -> Markup:
        """Join texts; text that is not `Markup` is escaped."""
        return Markup(str.join(self, (_as_markup(part) for part in parts)))


def _as_markup(part: object) -> Markup:
    return part if isinstance(part, Markup) else prose(str(part))


def terminal_line(line: str) -> str:
    r"""Return a line for a terminal that shows control characters of any name in it as escapes.

    >>> terminal_line("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return line if line.isprintable() else "".join(map(_escaped, line))


def shortened(text: str, at_most: int = SHOWN_CHARACTERS) -> str:
    """Shorten a text that is too long, by leaving out its middle.

    >>> shortened("abcdefgh", 5)
    'ab…gh'
    """
    if len(text) <= at_most:
        return text
    half = (at_most - 1) // 2
    return f"{text[:half]}…{text[len(text) - half :]}"


def printable(text: str, *, at_most: int = SHOWN_CHARACTERS) -> str:
    r"""Show control, direction and zero-width characters as escapes, and shorten.

    >>> printable("a\x1b[31mb\n")
    'a\\x1b[31mb\\n'
    """
    return terminal_line(shortened(text, at_most))


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape").decode("ascii")


def code(text: str, *, at_most: int = SHOWN_CHARACTERS) -> Markup:
    """Return a Markdown code span that shows any text literally; inside tables use a `Cell`.

    In a code span nothing is a link, a mention, a tag or an entity. The fence is longer than
    any run of backticks inside.

    >>> code("a`b|c")
    '``a`b|c``'
    """
    return _code_span(printable(text, at_most=at_most) or " ")


def _code_span(shown: str) -> Markup:
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    padding = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return Markup(f"{fence}{padding}{shown}{padding}{fence}")


def prose(text: str, *, at_most: int = 600) -> Markup:
    r"""Return text for a Markdown sentence, with markup, tags, links, mentions and references escaped.

    >>> prose("<b>hi</b>")
    '\\<b\\>hi\\</b\\>'
    """
    return Markup(_MARKUP.sub(r"\\\g<0>", _unlinked(printable(text, at_most=at_most))))


def _unlinked(shown: str) -> str:
    """Break words that GitHub would turn into a mention, a link or a reference."""
    return re.sub(r"(?<=[\w.])@|@(?=\w)|#(?=\w)|(?<=\w)://|(?i:www)\.|(?i:GH)-", _apart, shown)


def _apart(match: re.Match[str]) -> str:
    """Put a break into a word that would be linked: after its first character, and at its end."""
    found = match.group()
    return f"{found[0]}{_BREAK}{found[1:]}"


def fenced(text: str, language: str) -> Markup:
    """Return a Markdown code block with a fence that no line of the text can close."""
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return Markup(f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}\n")


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of one cell of a table, not yet escaped."""

    text: str
    is_code: bool = False
    is_bold: bool = False
    at_most: int = SHOWN_CHARACTERS

    def markdown(self) -> Markup:
        """Return the cell's Markdown, which shows the text literally and stays one cell."""
        shown = printable(self.text, at_most=self.at_most)
        if self.is_code:
            # A table splits its cells before it reads code spans, and takes the backslash away again.
            # A backslash before the pipe would undo that, so such a pipe becomes its look-alike.
            return _code_span(shown.replace("\\|", "\\\u2223").replace("|", "\\|") or " ")
        escaped = _INLINE_MARKUP.sub(r"\\\g<0>", _unlinked(shown))
        return Markup(f"**{escaped}**" if self.is_bold and escaped else escaped)


def table_row(cells: Iterable[Cell]) -> Markup:
    r"""Return a row of a Markdown table, the only way to write one: each cell is escaped here.

    >>> table_row([Cell("test_x[a|b]", is_code=True), Cell("a|b", is_bold=True)])
    '| `test_x[a\\|b]` | **a\\|b** |\n'
    """
    return Markup(f"| {' | '.join(cell.markdown() for cell in cells)} |\n")
