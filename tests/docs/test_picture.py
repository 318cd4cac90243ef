"""The README's picture is that of the run which the first example plays."""

from __future__ import annotations

import re
from html import unescape

from tests.docs.pages import ROOT


def test_picture_shows_what_the_example_prints() -> None:
    svg = (ROOT / "docs/images/failing-run.svg").read_text(encoding="utf-8")
    shown = [unescape(text).replace("\xa0", " ").rstrip() for text in re.findall(r">([^<]*)</text>", svg)]
    page = (ROOT / "examples/first-baseline/README.md").read_text(encoding="utf-8")
    said = page.split("$ git apply tidy.patch")[1].split("```")[0].splitlines()
    lines = [line for line in said if line and line[0] not in "$." and "..." not in line]
    assert len(lines) >= 3
    assert set(lines) <= set(shown)
