"""Text from test code, or from a fork's artifact, made harmless for the place where it is shown."""

from __future__ import annotations

import re
import unicodedata

SHOWN_CHARACTERS = 240
"""A name longer than this is shown with its middle left out; ids of 4,000 characters exist."""

_MARKUP = re.compile(r"[!#$&*<>\[\\\]_`{|}~]|^[-+=]|(?<=^[0-9])[.)](?=\s|$)")
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_BREAK = "\u200b"
"""A zero-width space: GitHub makes no mention, link or reference of a word that holds one."""


def printable(text: str, *, at_most: int = SHOWN_CHARACTERS) -> str:
    r"""Show control, direction and zero-width characters as escapes, and shorten.

    >>> printable("a\x1b[31mb\n")
    'a\\x1b[31mb\\n'
    """
    if len(text) > at_most:
        half = (at_most - 1) // 2
        text = f"{text[:half]}…{text[len(text) - half :]}"
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape").decode("ascii")


def code(text: str, *, at_most: int = SHOWN_CHARACTERS, in_table: bool = False) -> str:
    r"""Return a Markdown code span that shows any text literally.

    In a code span nothing is a link, a mention, a tag or an entity; the fence is longer than
    any run of backticks inside. A table splits its cells before it reads code spans, so there
    a pipe needs a backslash, which the table takes away again.

    >>> code("a`b|c"), code("a|b", in_table=True)
    ('``a`b|c``', '`a\\|b`')
    """
    shown = printable(text, at_most=at_most) or " "
    if in_table:
        # A backslash before a pipe would undo the escape, so such a pipe becomes its look-alike.
        shown = shown.replace("\\|", "\\\u2223").replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    padding = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{padding}{shown}{padding}{fence}"


def prose(text: str, *, at_most: int = 600) -> str:
    r"""Return text for a Markdown sentence: no markup, tag, link, mention or reference survives.

    >>> prose("<b>hi</b>")
    '\\<b\\>hi\\</b\\>'
    """
    shown = printable(text, at_most=at_most)
    shown = re.sub(r"(?<=[\w.])@|@(?=\w)|#(?=\w)|(?<=\w)://|(?i:www)\.|(?i:GH)-", _apart, shown)
    return _MARKUP.sub(r"\\\g<0>", shown)


def _apart(match: re.Match[str]) -> str:
    """Put a break inside what would be linked: after the first character, and at the end."""
    found = match.group()
    return f"{found[0]}{_BREAK}{found[1:]}"


def fenced(text: str, language: str = "") -> str:
    """Return a Markdown code block whose fence no line of the text can close."""
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}\n"
