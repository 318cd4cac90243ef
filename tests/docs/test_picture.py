"""The README's picture is that of the run which the first example plays."""

from __future__ import annotations

import re
from html import unescape

from tests.docs.pages import ROOT

_TEXT = re.compile(r'<text [^>]*\bx="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')
_COLUMN = 12.2  # how wide rich draws a character


def lines_of(svg: str) -> list[str]:
    """Put the texts of a picture together as they stand in it: each colour is a text of its own."""
    lines: dict[str, str] = {}
    for x, y, text in _TEXT.findall(svg):
        start = round(float(x) / _COLUMN)
        lines[y] = f"{lines.get(y, ''):<{start}}{unescape(text)}".replace("\xa0", " ")
    return [line.rstrip() for line in lines.values()]


def test_picture_shows_what_the_example_prints() -> None:
    svg = (ROOT / "docs/images/failing-run.svg").read_text(encoding="utf-8")
    shown = lines_of(svg)
    page = (ROOT / "examples/first-baseline/README.md").read_text(encoding="utf-8")
    said = page.split("$ git apply tidy.patch")[1].split("```")[0].splitlines()
    lines = [line for line in said if line and line[0] not in "$." and "..." not in line]
    assert len(lines) >= 3
    assert set(lines) <= set(shown)
