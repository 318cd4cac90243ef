from __future__ import annotations

from pathlib import Path

import pytest

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.outcome import Outcome
from tests.cli.running import HERE, KIB, CommandProject, measured, unmeasured
from tests.reports.made_results import quarantined

WAS = Entry({"peak": 100 * KIB})


def test_the_last_run_is_compared_with_the_baseline(shop: CommandProject) -> None:
    shop.accepted(a=100 * KIB, b=100 * KIB)
    shop.run(
        measured("a", 200 * KIB, WAS),
        measured("b", 101 * KIB, WAS),
        measured("c", 5 * KIB),
        unmeasured("d", Outcome.NOT_MEASURED, "the test failed in its call"),
    )
    output = shop.memguard("diff")
    assert output.lines == [
        "  grew          tests/test_x.py::a",
        "                  peak 100.0 KiB -> 200.0 KiB (+100%)",
        "  new           tests/test_x.py::c",
        "                  peak 5.0 KiB",
        "  not-measured  tests/test_x.py::d",
        "                  the test failed in its call",
        f"1 grew, 1 not-measured, 1 new, 1 ok  ({HERE})",
    ]
    assert output.code == 1
    assert max(map(len, output.lines)) <= 80


def test_growth_in_quarantine_is_shown_and_fails_nothing(shop: CommandProject) -> None:
    shop.accepted(a=100 * KIB)
    shop.run(quarantined(measured("a", 200 * KIB, WAS)))
    output = shop.memguard("diff")
    assert output.lines[0] == "  grew          tests/test_x.py::a"
    assert output.code == 0


def test_what_was_accepted_since_is_ok(shop: CommandProject) -> None:
    shop.accepted(a=100 * KIB)
    shop.run(measured("a", 200 * KIB, WAS))
    shop.memguard("accept")
    assert shop.memguard("diff").lines == [f"1 ok  ({HERE})"]
    assert shop.memguard("diff").code == 0


def test_all_shows_also_what_is_ok(shop: CommandProject) -> None:
    shop.accepted(a=100 * KIB)
    shop.run(measured("a", 101 * KIB, WAS))
    assert shop.memguard("diff").lines == [f"1 ok  ({HERE})"]
    assert shop.memguard("diff", "--all").lines == [
        "  ok            tests/test_x.py::a",
        "                  peak 100.0 KiB -> 101.0 KiB (+1%)",
        f"1 ok  ({HERE})",
    ]


def test_patterns_choose_tests(shop: CommandProject) -> None:
    shop.run(measured("a", 5 * KIB), measured("b", 5 * KIB))
    assert shop.memguard("diff", "*::b").lines[0] == "  new           tests/test_x.py::b"
    assert shop.memguard("diff", "*::c").code == 3


@pytest.mark.parametrize(
    ("before", "after", "code", "word"),
    [
        (100 * KIB, 200 * KIB, 1, "grew"),
        (100 * KIB, 110 * KIB, 0, "ok"),
        (300 * KIB, 100 * KIB, 0, "improved"),
    ],
)
def test_two_results_files_are_judged(
    shop: CommandProject, before: int, after: int, code: int, word: str
) -> None:
    shop.run(measured("a", before), path=Path("a.json"))
    shop.run(measured("a", after), path=Path("b.json"))
    output = shop.memguard("diff", "a.json", "b.json", "--all")
    assert output.code == code
    assert output.lines[0].split() == [word, "tests/test_x.py::a"]


def test_two_results_files_are_judged_by_the_settings(shop: CommandProject) -> None:
    (shop.root / "pyproject.toml").write_text('[tool.memguard]\ntolerance = "200%"\n')
    shop.run(measured("a", 100 * KIB), path=Path("a.json"))
    shop.run(measured("a", 200 * KIB), path=Path("b.json"))
    assert shop.memguard("diff", "a.json", "b.json").code == 0


def test_tests_of_only_one_file_are_named(shop: CommandProject) -> None:
    shop.run(measured("a", 5 * KIB), path=Path("a.json"))
    shop.run(measured("b", 5 * KIB), unmeasured("c", Outcome.NOT_MEASURED), path=Path("b.json"))
    assert shop.memguard("diff", "a.json", "b.json").lines == [
        "  new           tests/test_x.py::b",
        "                  peak 5.0 KiB",
        "  not-measured  tests/test_x.py::c",
        "                  because",
        "  stale         tests/test_x.py::a",
        "                  only in a.json",
        f"1 not-measured, 1 stale, 1 new  ({HERE})",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("a.json",), 2, "memguard diff compares two results files, and got 1: memguard diff A.json B.json."),
        (("a.json", "a.json", "a.json"), 2, "memguard diff compares two results files, and got 3"),
        (("a.json", "tests"), 2, "give two results files or patterns, not both; got a.json tests."),
        (("a.json", "missing.json"), 3, "there are no results at missing.json"),
        (("a.json", "other.json"), 2, "do not compare; take both results in one environment."),
    ],
)
def test_files_that_cannot_be_compared_are_refused(
    shop: CommandProject, arguments: tuple[str, ...], code: int, message: str
) -> None:
    shop.run(measured("a", 5 * KIB), path=Path("a.json"))
    shop.run(measured("a", 5 * KIB), path=Path("other.json"), environment="cpython-3.9-macos-arm64")
    output = shop.memguard("diff", *arguments)
    assert output.code == code
    assert message in output.error
