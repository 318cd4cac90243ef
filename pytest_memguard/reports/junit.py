"""Results in JUnit files: as properties in pytest's own file, and as a file of memguard's results only."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults, TestResult
from pytest_memguard.reports.rows import row
from pytest_memguard.reports.text import failure_lines
from pytest_memguard.reports.untrusted import printable

_TEXT_CHARACTERS = 2_000
_UNJUDGED = (Outcome.NOT_MEASURED, Outcome.STALE, Outcome.UNGUARDED)


def property_text(result: TestResult, region: str) -> str:
    """Write a result as the value of a property: the name of its region, its outcome and its figures."""
    figures = [f"{metric.name}={metric.measured}" for metric in result.verdict.told]
    return " ".join([*([region] if region else []), str(result.outcome), *figures])


@dataclass(frozen=True, slots=True)
class JUnitReport:
    """The results as a JUnit file with a suite for each environment; the XML writer escapes every text."""

    def page(self, *runs: RunResults) -> str:
        """Return the document."""
        top = ET.Element("testsuites", name="memguard")
        for results in runs:
            _add_suite(top, results)
        ET.indent(top)
        return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(top, encoding="unicode")}\n'


def _add_suite(top: ET.Element, results: RunResults) -> None:
    failing = [test for test in results.tests if test.fails]
    problems = [problem for problem in results.problems if problem.fails]
    skipped = [test for test in results.tests if test.outcome in _UNJUDGED and not test.fails]
    suite = ET.SubElement(
        top,
        "testsuite",
        name=f"memguard {results.environment}",
        tests=str(len(results.tests) + len(problems)),
        failures=str(len(failing) + len(problems)),
        errors="0",
        skipped=str(len(skipped)),
    )
    for problem in problems:
        case = ET.SubElement(suite, "testcase", classname="memguard", name=problem.kind)
        ET.SubElement(case, "failure", message=_harmless(problem.sentence))
    for test in results.tests:
        _add_case(suite, test)


def _add_case(suite: ET.Element, test: TestResult) -> None:
    shown = row(test)
    case = ET.SubElement(suite, "testcase", classname=_harmless(shown.module), name=_harmless(shown.name))
    properties = ET.SubElement(case, "properties")
    ET.SubElement(properties, "property", name="memguard.outcome", value=str(test.outcome))
    for judged in test.verdict.told:
        for kind, value in (
            ("", judged.measured),
            (".accepted", judged.baseline),
            (".limit", judged.limit),
        ):
            if value is not None:
                ET.SubElement(properties, "property", name=f"memguard.{judged.name}{kind}", value=str(value))
    if test.fails:
        failure = ET.SubElement(case, "failure", message=_harmless(f"{test.outcome}: {test.verdict.reason}"))
        failure.text = "\n".join(_harmless(line) for line in failure_lines(test))
    elif test.outcome in _UNJUDGED:
        ET.SubElement(case, "skipped", message=_harmless(f"{test.outcome}: {test.verdict.reason}"))


def _harmless(text: str) -> str:
    return printable(text, at_most=_TEXT_CHARACTERS)
