"""One made run in every format, as it is kept in tests/gold/reports: `python -m tests.reports.gold`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunProblem, RunResults, TestResult
from pytest_memguard.core.units import MIB
from pytest_memguard.core.verdict import Creep, CreepStep
from pytest_memguard.gate.wording import creep_text
from pytest_memguard.reports.formats import FORMATS, report_lines
from tests.docs.pages import ROOT
from tests.reports.made_results import leaked, result, run

GOLD = ROOT / "tests/gold/reports"
ENDS = {"text": "txt", "markdown": "md", "annotations": "txt", "openmetrics": "txt", "junit": "xml"}
SHOWN = tuple(name for name in FORMATS if name != "html")
"""What the page about formats shows; the page in HTML is seen in a browser."""


def crept(test_id: str = "tests/test_render.py::test_report") -> TestResult:
    """Make a result that crept up in two accepted steps, and in what is tolerated."""
    steps = (
        CreepStep("9f8e7d6c5b4a", dt.date(2026, 9, 2), "Bo Li", 10 * MIB, 11 * MIB),
        CreepStep("1a2b3c4d5e6f", dt.date(2026, 10, 20), "Ana Silva", 11 * MIB, 12 * MIB, "tables, see #482"),
    )
    day = dt.date(2026, 8, 28)
    creep = Creep("peak", day, 10 * MIB, 12 * MIB, 12 * MIB + 90_000, "20% in 90 days", steps)
    test = result(test_id, Outcome.CREPT, measured=creep.measured, baseline=creep.accepted)
    return replace(test, verdict=replace(test.verdict, reason=creep_text(creep), creep=creep))


def gold_run() -> RunResults:
    """Make the run: growth, a leak, creep, and what is fine."""
    return run(
        result("tests/test_cache.py::test_lookup[1000]", Outcome.GREW, measured=48 * MIB),
        leaked("tests/test_cache.py::test_session", "module shop.session", "_OPEN", "dict"),
        crept(),
        result("tests/test_render.py::test_page"),
        problems=[
            RunProblem(
                "settings-not-read", "tests/memguard.yml: settings that this run does not read.", False
            )
        ],
    )


def as_it_is(file: str) -> str | None:
    return file


def written(name: str) -> str:
    """Return the made run in a format."""
    return "\n".join(report_lines(name, [gold_run()], width=80, locate=as_it_is)) + "\n"


def gold_path(name: str) -> Path:
    """Return where a format's gold is kept."""
    return GOLD / f"{name}.{ENDS.get(name, 'json')}"


def gold() -> Iterator[tuple[str, Path]]:
    """Yield every format with its file."""
    for name in SHOWN:
        yield name, gold_path(name)


def page_with_samples(text: str) -> str:
    """Return the page about formats with each sample as it is now: the block after its heading's comment."""
    for name, path in gold():
        start = text.index(f"<!-- {name} -->\n")
        opening = text.index("````", start)
        body = text.index("\n", opening) + 1
        end = text.index("\n````", body - 1) + 1
        text = f"{text[:body]}{path.read_text(encoding='utf-8')}{text[end:]}"
    return text


if __name__ == "__main__":
    GOLD.mkdir(parents=True, exist_ok=True)
    for form, file in gold():
        file.write_text(written(form), encoding="utf-8")
    page = ROOT / "docs/reference/formats.md"
    page.write_text(page_with_samples(page.read_text(encoding="utf-8")), encoding="utf-8")
