"""The Markdown report: what it says first, and that it never exceeds its place's limit."""

from __future__ import annotations

import html
import re

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunProblem, RunResults
from pytest_memguard.core.units import MIB
from pytest_memguard.reports.markdown import (
    COMMENT_CHARACTERS,
    SUMMARY_BYTES,
    MarkdownExtras,
    MarkdownReport,
    headline,
)
from pytest_memguard.reports.text import TextReport
from pytest_memguard.reports.untrusted import printable
from tests.reports.made_results import leaked, quarantined, result, run
from tests.reports.test_untrusted import HOSTILE


def page_of(results: RunResults, limit: int = SUMMARY_BYTES, extras: MarkdownExtras | None = None) -> str:
    return MarkdownReport(limit, extras or MarkdownExtras()).page(results)


def test_growth_is_told_before_the_table_with_both_numbers_the_limit_and_the_line() -> None:
    page = page_of(run(result(), result("t.py::test_big", Outcome.GREW, measured=48 * MIB)))
    assert "**Memory grew in 1 of 2 guarded tests.**" in page
    item = next(line for line in page.splitlines() if line.startswith("- "))
    assert item == "- `t.py::test_big` **grew**: peak 48.0 MiB, was 31.0 MiB (+54.8%, limit 31.0 MiB)"
    assert "  - +17.0 MiB `shop/cache.py:41` in `put`, was 0 B" in page
    assert page.index("### What grew") < page.index("<details><summary>All guarded tests: 1 grew, 1 ok")


def test_a_leak_says_its_rate_and_who_holds_it() -> None:
    page = page_of(run(leaked("t.py::test_session", "shop.session", "_OPEN", "dict")))
    assert "- `t.py::test_session` **leaked**: 1.2 KiB a call, steady over 12,400 calls" in page
    assert "  - `objects a call: +2.00 dict, +1.00 shop.session.Session`" in page
    assert "  - held by `shop.session → _OPEN → dict`" in page


def test_tests_that_show_one_leak_are_told_as_one() -> None:
    holder = "shop.session._OPEN (dict, 9 entries) in shop/session.py"
    tests = [leaked(f"t.py::test_{number}", holder) for number in range(40)]
    assert "1 leak in 40 tests, held by `shop.session._OPEN`\n" in page_of(run(*tests, result()))
    assert "1 leak in 40 tests, held by shop.session._OPEN" in TextReport().lines(run(*tests, result()))
    assert "1 leak in" not in page_of(run(tests[0], result()))


def test_growth_in_quarantine_is_shown_and_counted_apart() -> None:
    text = page_of(run(quarantined(leaked()), result()))
    assert "**leaked**: " in text
    assert "  - quarantined: growth does not fail it before 2027-01-31\n" in text
    assert text.count("1 leaked, 1 ok; 1 quarantined") == 2


def test_what_grew_is_listed_worst_first() -> None:
    page = page_of(
        run(
            result("t.py::small", Outcome.GREW, measured=32 * MIB),
            result("t.py::large", Outcome.GREW, measured=90 * MIB),
            leaked("t.py::leak"),
        )
    )
    items = [line.split("`")[1] for line in page.splitlines() if line.startswith("- ")]
    assert items == ["t.py::leak", "t.py::large", "t.py::small"]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome.OK, "Memory did not grow in 1 guarded test."),
        (Outcome.IMPROVED, "1 test improved: accept the better numbers"),
        (Outcome.NEW, "1 test without an accepted entry yet"),
        (Outcome.NO_BASELINE, "Nothing is accepted for this environment yet"),
        (Outcome.NOT_MEASURED, "1 test could not be measured"),
    ],
)
def test_the_headline_says_how_the_run_ended(outcome: Outcome, words: str) -> None:
    assert words in headline(run(result(outcome=outcome)))


def test_a_run_that_guarded_nothing_says_so() -> None:
    page = page_of(run(problems=[RunProblem("no-tests", "this run guarded no test", fails=True)]))
    assert "**No guarded test ran, so nothing was judged.**" in page
    assert "> **Fails the run.** this run guarded no test" in page


def test_a_note_in_the_baseline_stays_visible() -> None:
    page = page_of(run(result(note="LRU holds 10k entries, see issue")))
    assert "note: LRU holds 10k entries, see issue" in page


@pytest.mark.parametrize("limit", [COMMENT_CHARACTERS, SUMMARY_BYTES])
def test_a_report_of_twenty_thousand_growths_fits_and_says_what_is_left_out(limit: int) -> None:
    tests = [
        result(f"tests/test_é{number}.py::test_{'x' * 300}", Outcome.GREW, measured=(40 + number % 50) * MIB)
        for number in range(20_000)
    ]
    page = page_of(run(*tests), limit=limit)
    assert len(page.encode()) <= limit
    assert len(page.encode()) > limit * 0.9
    kept = sum(line.startswith("- `") for line in page.splitlines())
    assert f"\n{20_000 - kept:,} more grew; they do not fit here" in page
    assert page.endswith("python 3.11.7\n")


def test_a_table_that_does_not_fit_is_cut_at_a_row() -> None:
    tests = [result(f"tests/test_a.py::test_{number}") for number in range(2_000)]
    page = page_of(run(*tests), limit=20_000)
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert 0 < len(rows) < 2_000
    assert all(row.endswith("|") for row in rows)
    assert f"{2_000 - len(rows):,} more tests do not fit here" in page


def test_a_patch_is_shown_whole_or_not_at_all() -> None:
    small = page_of(run(result()), extras=MarkdownExtras(patch="diff --git a/x b/x\n"))
    assert "```diff\ndiff --git a/x b/x\n```" in small
    large = page_of(run(result()), extras=MarkdownExtras(patch="+x\n" * 500_000))
    assert "```diff" not in large
    assert "it is in the artifact as `proposed.patch`" in large


def test_the_title_tells_several_reports_apart() -> None:
    page = page_of(run(result()), extras=MarkdownExtras(title="linux <3.11>"))
    assert page.startswith("## memguard: linux \\<3.11\\>\n")


def test_lines_join_to_the_report() -> None:
    results = run(result(), leaked())
    assert "\n".join(MarkdownReport().lines(results)) == page_of(results).rstrip("\n")


def as_github_shows(page: str) -> str:
    """Render by the library that GitHub itself uses, raw HTML included."""
    return str(cmarkgfm.github_flavored_markdown_to_html(page, Options.CMARK_OPT_UNSAFE))


FORGED = "a| @octocat **LGTM** [approve here](https://evil.example) ![i](https://evil.example/p.png) |b"
NAMES = [*HOSTILE, FORGED, "a|b", "a\\|b", "a\\\\|b", "|", "`|`", "||a", "a`|`b|", "\\"]


@pytest.mark.parametrize("text", NAMES)
@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.GREW, Outcome.NOT_MEASURED, Outcome.NEW])
def test_no_name_of_a_test_leaves_its_cell_or_becomes_markup(text: str, outcome: Outcome) -> None:
    test_id = f"t.py::test_x[{text}]"
    hostile = result(test_id, outcome, reason=text, note=text, file=text, function=text)
    shown = as_github_shows(page_of(run(hostile, result("t.py::after"))))
    assert not re.search(r"<(a|img|script|del|em|h1|h3 id|input)\b", shown), shown
    assert "LGTM</strong>" not in shown
    table = shown[shown.index("<table>") : shown.index("</table>")]
    rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in table.split("<tr>")[1:]]
    assert [len(row) for row in rows] == [7, 7, 7], table
    (name,) = [row[0] for row in rows[1:] if "after" not in row[0]]
    code_span = re.fullmatch("<code>(.*)</code>", name, re.DOTALL)
    assert code_span, name
    assert html.unescape(code_span.group(1)).replace("\u2223", "|") == printable(test_id, at_most=160)
