"""Hostile names shown in Markdown stay text: rendered by a Markdown parser, not only looked at."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pytest_memguard.reports.untrusted import Cell, code, fenced, printable, prose, table_row

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</code></details><b>x</b>",
    "[click](https://evil.example)",
    "![x](https://evil.example/p.png)",
    "https://evil.example/x",
    "www.evil.example",
    "javascript:alert(1)",
    "@everyone look",
    "fixes #1 and GH-2 and acme/app#3",
    "user@evil.example",
    "`` ` ```",
    "`",
    "a|b\\|c\\\\|d",
    "**bold** _it_ ~~no~~ # h",
    "$\\sqrt{x}$",
    "<!-- pytest-memguard: x -->",
    "&lt;b&gt; &amp;",
    "\x1b[31mred\x1b[0m",
    "\u202egnp.exe",
    "line\nbreak\r\n## heading",
    " ",
    "",
    "1. list",
    "- list",
    "=====",
]
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
LIVE = re.compile(r"<(?!/?(p|code|table|thead|tbody|tr|th|td|br)\b)[a-z!/]", re.IGNORECASE)


def rendered(markdown: str) -> str:
    return str(PARSER.render(markdown))


def shown_text(page: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", page)).strip()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_code_span_holds_hostile_text_literally(text: str) -> None:
    page = rendered(f"see {code(text)} end")
    assert not LIVE.search(page), page
    assert page.count("<code>") == 1
    assert shown_text(page) == f"see {printable(text)} end" or not text.strip()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_table_keeps_its_cells_whatever_a_name_holds(text: str) -> None:
    row = table_row([Cell(text, is_code=True), Cell(text)])
    page = rendered(f"| a | b |\n|---|---|\n{row}")
    assert page.count("<td>") == 2, page
    assert page.count("<tr>") == 2, page
    assert not LIVE.search(page), page


@pytest.mark.parametrize("text", HOSTILE)
def test_prose_makes_no_markup_mention_or_link(text: str) -> None:
    page = rendered(f"{prose(text)}\n")
    assert not LIVE.search(page), page
    assert "<code>" not in page
    linked = r"@\w|(?<!\w)#\d|\w#\d|GH-\d|https?://|www\."
    assert not re.search(linked, shown_text(page)), page


@given(st.text(max_size=60))
@example("\\|`")
@example("`" * 9)
def test_any_text_in_a_code_span_comes_out_as_it_went_in(text: str) -> None:
    page = rendered(f"x {code(text)} y")
    assert page.count("<code>") == 1
    if printable(text).strip():
        assert html.unescape(page.split("<code>")[1].split("</code>")[0]).strip() == printable(text).strip()


@given(st.text(max_size=60))
def test_any_text_in_prose_starts_no_element(text: str) -> None:
    assert not LIVE.search(rendered(f"x {prose(text)} y"))


@given(st.text(max_size=200))
def test_no_line_of_a_patch_closes_its_block(text: str) -> None:
    tokens = PARSER.parse(fenced(text, "diff"))
    assert [token.type for token in tokens] == ["fence"]


def test_terminal_control_is_shown_not_obeyed() -> None:
    assert printable("a\x1b]0;title\x07b\u202ec\u200bd") == "a\\x1b]0;title\\x07b\\u202ec\\u200bd"


def test_a_name_of_four_thousand_characters_is_shortened_in_its_middle() -> None:
    shown = printable("start" + "x" * 4000 + "end")
    assert len(shown) <= 240
    assert shown.startswith("start")
    assert shown.endswith("end")
