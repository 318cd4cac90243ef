"""Every format of the results: as its readers want it, and harmless whatever the tests are called."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import cmarkgfm
import jsonschema
import pytest
from cmarkgfm.cmark import Options
from markdown_it import MarkdownIt
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus_families

from pytest_memguard.core.metrics import SETTLED
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunProblem, RunResults
from pytest_memguard.core.verdict import MetricVerdict
from pytest_memguard.reports.code_scanning import AT_MOST as MOST_FINDINGS
from pytest_memguard.reports.formats import FORMATS, report_lines
from pytest_memguard.reports.openmetrics import AT_MOST as MOST_TESTS
from tests.docs.pages import ROOT, first_column, section, text_of
from tests.reports.gold import SHOWN, as_it_is, crept, gold_path, gold_run, page_with_samples, written
from tests.reports.made_results import leaked, result, run
from tests.reports.test_untrusted import HOSTILE

SARIF = json.loads((ROOT / "tests/reports/schemas/sarif-2.1.0.json").read_text(encoding="utf-8"))
EVIL = [
    *HOSTILE,
    "</script><script>alert(1)</script>",
    "x" * 10_000,
    "\u2066rtl\u2069",
    "::error::x",
    "]]>",
    "\ufffe\x00",
]


def openmetrics_families(shown: str) -> list[Metric]:
    return list(openmetrics.text_string_to_metric_families(shown))  # type: ignore[no-untyped-call]  # it has no types


def text_in(name: str, *runs: RunResults) -> str:
    return "\n".join(report_lines(name, runs, width=80, locate=as_it_is)) + "\n"


def hostile_run(text: str) -> RunResults:
    """Put a text into every place of a result that others write."""
    name = f"tests/test_x.py::test_{text or 'empty'}"
    grew = result(name, Outcome.GREW, measured=2**26, file=f"shop/{text}.py", function=text, note=text)
    held = leaked(f"{name}[2]", text, text)
    steps = crept(f"{name}[3]")
    creep = steps.verdict.creep
    assert creep is not None
    creep = replace(creep, steps=tuple(replace(step, author=text, note=text) for step in creep.steps))
    steps = replace(steps, verdict=replace(steps.verdict, creep=creep))
    missing = result(f"{name}[4]", Outcome.NOT_MEASURED, reason=text)
    return run(grew, held, steps, missing, problems=[RunProblem("no-tests", text, True)])


@pytest.mark.parametrize("name", SHOWN)
def test_a_format_is_as_its_gold_says(name: str) -> None:
    """What fails is looked at, then written anew by `python -m tests.reports.gold`."""
    assert written(name) == gold_path(name).read_text(encoding="utf-8")


def test_the_page_about_formats_shows_them_all_as_they_are() -> None:
    page = text_of("formats")
    assert page == page_with_samples(page)
    assert set(first_column(section(page, "Formats"))) == {*FORMATS, "json"}


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "html"])
@pytest.mark.parametrize("text", EVIL)
def test_no_text_of_others_is_obeyed(name: str, text: str) -> None:
    shown = text_in(name, hostile_run(text))
    assert re.sub("[\n\u200b]", "", shown).isprintable(), "no control, no direction, no half line"
    READERS[name](shown)


def read_text(shown: str) -> None:
    assert len(shown) < 50_000


def read_markdown(shown: str) -> None:
    """Read it as GitHub does, and as the other renderer that many sites use."""
    github = cmarkgfm.github_flavored_markdown_to_html(shown, options=Options.CMARK_OPT_UNSAFE)
    other = MarkdownIt("commonmark", {"html": True}).enable("table").render(shown)
    tags = "p|code|table|thead|tbody|tr|th|td|br|h2|h3|strong|ul|li|blockquote|details|summary"
    ours = rf"<(?!/?({tags})\b)[a-z!/]"
    for page in (github, other):
        assert not re.search(ours, page, re.IGNORECASE), page
        rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
        assert len(rows) == 5, "a head and four tests"
        assert {len(re.findall("<t[hd]", row)) for row in rows} == {7}
        assert "<a " not in page


def read_annotations(shown: str) -> None:
    assert all(re.match(r"::(error|warning|notice) (file=|title=)", line) for line in shown.splitlines())
    assert 3 <= len(shown.splitlines()) <= 4


def read_openmetrics(shown: str) -> None:
    for parse in (openmetrics_families, prometheus_families):
        families = {family.name: family for family in parse(shown)}
        tests = {sample.labels["test"] for sample in families["memguard_test_outcome"].samples}
        assert len(tests) == 4
        assert {family.type for family in families.values()} == {"gauge"}
        series = [
            (sample.name, *sorted(sample.labels.items()))
            for one in families.values()
            for sample in one.samples
        ]
        assert len(series) == len(set(series))


def read_junit(shown: str) -> None:
    suite = ET.fromstring(shown)[0]
    assert len(suite) == int(suite.attrib["tests"]) == 5
    assert len(suite.findall("*/failure")) == int(suite.attrib["failures"]) == 3
    assert len(suite.findall("*/skipped")) == int(suite.attrib["skipped"]) == 1
    assert {each.tag for each in suite.iter()} == {
        "testsuite",
        "testcase",
        "properties",
        "property",
        "failure",
        "skipped",
    }


def read_gitlab(shown: str) -> None:
    issues = json.loads(shown)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == 4
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["lines"]["begin"] >= 1
        assert 0 < len(issue["description"]) <= 1000


def read_sarif(shown: str) -> None:
    document = json.loads(shown)
    jsonschema.Draft7Validator(SARIF).validate(document)
    for one in document["runs"]:
        assert len(one["results"]) == 4
        for found in one["results"]:
            assert one["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == found["ruleId"]
            place = found["locations"][0]["physicalLocation"]["artifactLocation"]
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", place["uri"]), place


READERS = {
    "text": read_text,
    "markdown": read_markdown,
    "annotations": read_annotations,
    "openmetrics": read_openmetrics,
    "junit": read_junit,
    "gitlab": read_gitlab,
    "sarif": read_sarif,
}


def test_every_format_has_a_reader_here() -> None:
    assert set(READERS) == set(FORMATS) - {"html"}


@pytest.mark.parametrize("name", ["openmetrics", "junit", "gitlab", "sarif"])
def test_several_environments_are_one_document(name: str) -> None:
    other = replace(hostile_run("x"), environment="cpython-3.12-macos-arm64")
    shown = text_in(name, hostile_run("x"), other)
    if name == "openmetrics":
        names = [family.name for family in openmetrics_families(shown)]
        assert len(names) == len(set(names))
        assert shown.count("# EOF") == 1
    elif name == "junit":
        assert [suite.attrib["name"].split()[1] for suite in ET.fromstring(shown)] == [
            "cpython-3.11-linux-x86_64",
            "cpython-3.12-macos-arm64",
        ]
    elif name == "gitlab":
        assert len({issue["fingerprint"] for issue in json.loads(shown)}) == 8
    else:
        document = json.loads(shown)
        jsonschema.Draft7Validator(SARIF).validate(document)
        assert len({one["automationDetails"]["id"] for one in document["runs"]}) == 2


def many(number: int) -> RunResults:
    return run(
        *(result(f"tests/test_x.py::test_{one}", Outcome.GREW, measured=2**26 + one) for one in range(number))
    )


def test_a_large_run_stays_within_the_limits_of_its_readers() -> None:
    results = many(MOST_TESTS + 5)
    (document,) = json.loads(text_in("sarif", results))["runs"]
    assert len(document["results"]) == MOST_FINDINGS
    families = {family.name: family for family in openmetrics_families(text_in("openmetrics", results))}
    assert len(families["memguard_test_outcome"].samples) == MOST_TESTS
    assert [sample.value for sample in families["memguard_tests_left_out"].samples] == [5]


def test_a_finding_lies_in_the_repository_or_at_the_test() -> None:
    results = run(result(outcome=Outcome.GREW, measured=2**26, file="json/decoder.py"))
    lines = report_lines(
        "gitlab", [results], width=80, locate=lambda file: f"sub/{file}" if file.startswith("tests") else None
    )
    (issue,) = json.loads("\n".join(lines))
    assert issue["location"] == {"path": "sub/tests/test_cache.py", "lines": {"begin": 1}}


def test_openmetrics_says_what_was_measured_accepted_and_allowed() -> None:
    families = {family.name: family for family in openmetrics_families(written("openmetrics"))}
    values = {
        name: sample.value
        for name in ("measured", "accepted", "limit")
        for sample in families[f"memguard_{name}_bytes"].samples
        if sample.labels["metric"] == "peak" and sample.labels["test"].endswith("[1000]")
    }
    grown = gold_run().tests[0].verdict.metrics[0]
    assert values == {"measured": grown.measured, "accepted": grown.baseline, "limit": grown.limit}
    assert {sample.labels["outcome"] for sample in families["memguard_tests"].samples} == set(
        map(str, Outcome)
    )


@pytest.mark.parametrize("name", sorted({*FORMATS} - {"json"}))
def test_no_report_says_that_a_test_that_leaks_settles_at_0_b(name: str) -> None:
    test = leaked()
    settled = MetricVerdict(SETTLED, 0, Outcome.OK, 4_096, 20_480, "1%, 16 KiB")
    leaking = replace(test, verdict=replace(test.verdict, metrics=(settled, *test.verdict.metrics)))
    assert text_in(name, run(leaking)) == text_in(name, run(test))
