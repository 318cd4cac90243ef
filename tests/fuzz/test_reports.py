"""Thousands of hostile reports, rendered by the library that GitHub itself uses: all of it stays text."""

from __future__ import annotations

import random
import re

import cmarkgfm
from cmarkgfm.cmark import Options

from pytest_memguard.core.leak_finding import CountGrowth, LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunProblem, RunResults, TestResult
from pytest_memguard.core.sites import Site
from pytest_memguard.core.verdict import GrownSite, MetricVerdict, Verdict
from pytest_memguard.reports.annotations import AnnotationsReport
from pytest_memguard.reports.markdown import MarkdownExtras, MarkdownReport
from pytest_memguard.reports.text import TextReport, failure_lines
from tests.fuzz.damage import SEED, rounds
from tests.reports.test_markdown import NAMES

PIECES = [
    *NAMES,
    *(
        "|",
        "\\",
        "`",
        "``",
        "\n",
        "\r\n",
        "\n\n",
        " ",
        "\t",
        "* ",
        "- ",
        "+ ",
        "1. ",
        "# ",
        "> ",
        "---",
        "===",
    ),
    *(
        "<h1>",
        "</td>",
        "</details>",
        "<!--",
        "-->",
        "&#60;b&#62;",
        "[x]: https://evil.example",
        "[^1]",
        "[ ] ",
    ),
    *(
        "@octocat",
        "#1",
        "GH-1",
        "https://evil.example",
        "www.evil.example",
        "a@evil.example",
        "~~",
        "**",
        "__",
    ),
    *(
        "\u200b",
        "\u202e",
        "\x1b[31m",
        "\x00",
        "é",
        "$$",
        "```",
        "~~~",
        "::error::x",
        "%0A",
        ":tada:",
        "\\|",
        "\\`",
    ),
]
LIVE = re.compile(
    r"<(?!/?(?:p|code|table|thead|tbody|tr|th|td|strong|h2|h3|ul|li|blockquote|details|summary)\b)"
)
SPAN = re.compile(r"<code>.*?</code>", re.DOTALL)
MENTION = re.compile(r"(?<![\w`])@\w|(?<![\w/])#\d|\bGH-\d|https?://|www\.")


def text(chance: random.Random) -> str:
    return "".join(chance.choice(PIECES) for _ in range(chance.randint(0, 5)))


def hostile(chance: random.Random, outcome: Outcome, number: int) -> TestResult:
    """Make a result whose every text is hostile."""
    site = Site(text(chance), 3, text(chance))
    counted = CountGrowth(text(chance), 1.0) if chance.random() < 0.3 else None
    leak = LeakFinding(leaking=True, bytes_per_call=9, calls=9, held_by=(text(chance), text(chance)))
    return TestResult(
        id=f"t.py::test_{number}[{text(chance)}]",
        verdict=Verdict(
            outcome,
            text(chance),
            (MetricVerdict("peak", 9, outcome, 5, 6, text(chance), noise=chance.choice([0, 9])),),
            (GrownSite(site, 9, 4, inner=site, counted=counted),),
        ),
        measurement=Measurement("memray", 1, {"peak": 9}, leak=leak, notes=(text(chance),)),
        fails=chance.random() < 0.5,
        hints=(text(chance),),
        note=text(chance),
    )


def run_of(chance: random.Random) -> RunResults:
    tests = tuple(hostile(chance, outcome, number) for number, outcome in enumerate(Outcome))
    return RunResults(
        "cpython-3.11-linux-x86_64",
        tests,
        meter=text(chance),
        made_with={"python": text(chance)},
        problems=(RunProblem("no-tests", text(chance), fails=True),),
    )


def test_no_text_of_a_report_becomes_markup_for_github() -> None:
    chance = random.Random(SEED)
    for number in range(rounds(2_000)):
        extras = MarkdownExtras(title=text(chance), patch=text(chance), alert=text(chance))
        page = MarkdownReport(extras=extras).page(run_of(chance))
        shown = str(cmarkgfm.github_flavored_markdown_to_html(page, Options.CMARK_OPT_UNSAFE))
        assert_is_text(shown, f"round {number}\n{page}\n{shown}")


def assert_is_text(shown: str, case: str) -> None:
    shown = re.sub(r"<pre lang=\"diff\"><code>.*?</code></pre>", "", shown, flags=re.DOTALL)
    assert not LIVE.search(SPAN.sub("", shown).replace(' align="right"', "")), case
    assert not MENTION.search(re.sub("<[^>]*>", "", SPAN.sub("", shown))), case
    assert shown.count("<h2>") == 1, case
    assert shown.count("<table>") == 1, case
    table = shown[shown.index("<table>") : shown.index("</table>")]
    cells = [len(re.findall("<t[dh]", row)) for row in table.split("<tr>")[1:]]
    assert cells == [7] * (len(Outcome) + 1), case


def test_no_text_of_a_report_steers_a_terminal_or_a_runner() -> None:
    chance = random.Random(SEED)
    for _ in range(rounds(300)):
        results = run_of(chance)
        lines = list(TextReport(verbose=True).lines(results))
        lines += [line for test in results.tests for line in failure_lines(test)]
        assert all(line.isprintable() for line in lines), lines
        for command in AnnotationsReport().lines(results):
            assert command.isprintable(), command
            assert re.fullmatch(r"::(error|warning|notice) [^:]*::.*", command), command
