"""Annotations: on the line that grew, ten of a kind, and nothing in a name becomes a command."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.core.units import MIB
from pytest_memguard.reports.annotations import Annotation, AnnotationsReport
from pytest_memguard.reports.untrusted import terminal_line
from tests.reports.made_results import leaked, quarantined, result, run


def lines(results: RunResults) -> list[str]:
    return [str(one) for one in AnnotationsReport(lambda file: f"app/{file}").annotations(results)]


def test_growth_marks_the_line_that_grew_as_an_error() -> None:
    (line,) = lines(run(result("t.py::test_big", Outcome.GREW, measured=48 * MIB)))
    assert line == (
        "::error file=app/shop/cache.py,line=41,title=memguard%3A grew::t.py::test_big: peak 48.0 MiB, "
        "was 31.0 MiB (+54.8%25, limit 31.0 MiB) (+17.0 MiB here)"
    )


def test_advisory_growth_is_a_warning() -> None:
    (line,) = lines(run(leaked(), advisory=True))
    assert line.startswith("::warning file=app/shop/session.py,line=88,")


def test_growth_in_quarantine_is_a_warning_that_says_until_when() -> None:
    (line,) = lines(run(quarantined(result("t.py::test_big", Outcome.GREW, measured=48 * MIB))))
    assert line.startswith("::warning file=app/shop/cache.py,line=41,")
    assert line.endswith("(+17.0 MiB here); quarantined: growth does not fail it before 2027-01-31")


def test_a_file_outside_the_repository_is_not_named() -> None:
    results = run(result("t.py::test_big", Outcome.GREW, measured=48 * MIB, file="numpy/core.py"))
    (annotation,) = AnnotationsReport(lambda file: None).annotations(results)
    assert str(annotation).startswith("::error title=memguard%3A grew::")


def test_a_growth_in_a_library_marks_the_test_file() -> None:
    results = run(result("t.py::test_big", Outcome.GREW, measured=48 * MIB, file="numpy/core.py"))
    (annotation,) = AnnotationsReport(lambda file: file if file == "t.py" else None).annotations(results)
    assert str(annotation).startswith("::error file=t.py,line=1,")


def test_ten_of_a_kind_are_shown_worst_first_and_the_rest_is_counted() -> None:
    growths = [result(f"t.py::grew_{n:02}", Outcome.GREW, measured=(40 + n) * MIB) for n in range(25)]
    better = [result(f"t.py::better_{n:02}", Outcome.IMPROVED) for n in range(14)]
    found = lines(run(*growths, *better))
    errors = [line for line in found if line.startswith("::error")]
    notices = [line for line in found if line.startswith("::notice")]
    assert [re.findall(r"grew_\d\d", line)[0] for line in errors] == [f"grew_{n}" for n in range(24, 14, -1)]
    assert len(notices) == 10
    assert notices[-1] == "::notice title=memguard::20 more tests are in the job summary."


@pytest.mark.parametrize(
    "text", ["a\n::error::forged", "a\r::set-output name=x::y", "50%0A::error::x", "\x1b[2K::warning::x"]
)
def test_no_name_starts_a_command_of_its_own(text: str) -> None:
    found = lines(run(result(f"t.py::{text}", Outcome.GREW, measured=48 * MIB, file=text, function=text)))
    assert len(found) == 1
    assert len(found[0].splitlines()) == 1
    assert "::forged" not in found[0].replace("::error::forged", "")


@given(st.text(), st.text(), st.text())
def test_a_command_is_one_line_and_reads_back(message: str, title: str, file: str) -> None:
    line = str(Annotation("error", message, title, file, 3))
    assert not re.search(r"[\r\n]", line)
    match = re.fullmatch(r"::error (?:file=([^,:]*),line=3,)?title=([^,:]*)::(.*)", line, re.DOTALL)
    assert match
    assert decoded(match.group(3)) == "\n".join(map(terminal_line, message.split("\n")))
    assert decoded(match.group(2)) == terminal_line(title)
    assert decoded(match.group(1) or "") == terminal_line(file)


def decoded(text: str) -> str:
    for code, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, character)
    return text
