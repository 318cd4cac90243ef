"""`--memguard-html`: a run writes its page, with the curve and the readings that it took."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.guarded_project import GuardedProject

GROWING = """
    import pytest

    @pytest.mark.memguard(tolerance="1 KiB")
    def test_grows():
        held = [bytes(1000) for _ in range({number})]
        del held
"""


def page_of(page: str) -> dict[str, Any]:
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return {test["id"].split("::")[1]: test for test in json.loads(found.group(1))["tests"]}


def test_a_run_writes_its_page_with_the_curve_of_what_grew(project: GuardedProject) -> None:
    project.write(test_it=GROWING.format(number=100))
    assert project.run("--memguard-accept").code == 0
    project.write(test_it=GROWING.format(number=900))
    run = project.run("--memguard-html=pages/run.html")
    assert run.code == 1
    assert "The report is pages/run.html" in run.summary
    test = page_of((project.root / "pages/run.html").read_text(encoding="utf-8"))["test_grows"]
    held = test["curve"]["held"]
    assert max(held) == run.measured("test_grows")
    assert held.index(max(held)) > len(held) / 4
    assert held[-1] < max(held) / 10
    before = test["accepted_curve"]["held"]
    assert abs(max(before) - test["metrics"][0]["baseline"]) <= max(before) / 1000 + 1


def test_the_readings_of_a_leak_check_come_to_what_it_found(project: GuardedProject) -> None:
    project.write(
        test_it="""
        import pytest
        HELD = []

        @pytest.mark.memguard(leaks=True)
        def test_leaks():
            HELD.append(bytes(1000))
        """
    )
    leak = project.run().results()["test_leaks"]["leak"]
    decisive = [reading for reading in leak["readings"] if reading[0] >= leak["judged_from"]]
    (first, held), (last, held_then) = decisive[0], decisive[-1]
    assert last == leak["calls"]
    assert first < last
    assert abs((held_then - held) / (last - first) - leak["bytes_per_call"]) < 100


def test_a_page_that_cannot_be_written_is_an_error(project: GuardedProject) -> None:
    project.write(test_it=GROWING.format(number=10))
    (project.root / "taken").mkdir()
    run = project.run("--memguard-html=taken")
    assert run.code == 4
    assert "taken cannot be written: it exists and is not a regular file" in run.text
