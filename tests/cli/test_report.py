"""`memguard report`: where the page goes, and what it is made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.paths import PAGE_PATH
from tests.cli.running import KIB, CommandProject, measured
from tests.made_repository import MadeRepository


def test_the_last_run_becomes_a_page_that_git_ignores(shop: CommandProject) -> None:
    shop.run(replace(measured("grown", 300 * KIB, Entry({"peak": 100 * KIB})), fails=True))
    output = shop.memguard("report")
    assert (output.code, output.lines) == (0, [f"{PAGE_PATH} is written; open it in a browser."])
    page = (shop.root / PAGE_PATH).read_text(encoding="utf-8")
    assert "peak 300.0 KiB, was 100.0 KiB (+200%" in page


def test_results_of_several_environments_are_on_one_page(shop: CommandProject) -> None:
    shop.run(measured("one", 5 * KIB), path=Path("a.json"))
    shop.run(measured("one", 5 * KIB), path=Path("b.json"), environment="cpython-3.12-macos-arm64")
    output = shop.memguard("report", "--from", "a.json", "--from", "b.json", "-o", "both.html")
    assert output.code == 0
    assert "cpython-3.12-macos-arm64" in (shop.root / "both.html").read_text(encoding="utf-8")


def test_a_folder_is_not_replaced_by_a_page(shop: CommandProject) -> None:
    shop.run(measured("one", 5 * KIB))
    output = shop.memguard("report", "--output", "tests")
    assert output.code == 2
    assert "tests cannot be written: it exists and is not a regular file" in output.error
    assert (shop.root / "tests" / "test_x.py").exists()


def test_without_results_there_is_no_page(shop: CommandProject) -> None:
    assert shop.memguard("report").code == 3
    assert not (shop.root / PAGE_PATH).exists()


def test_the_page_shows_what_was_accepted_over_time(shop: CommandProject) -> None:
    made = MadeRepository(shop.root)
    made.accept({"tests/test_x.py::one": 100 * KIB}, author="Ana <b>")
    made.accept({"tests/test_x.py::one": 155 * KIB}, note="holds 10k entries now")
    shop.run(measured("one", 300 * KIB, Entry({"peak": 155 * KIB})))
    assert shop.memguard("report").code == 0
    page = (shop.root / PAGE_PATH).read_text(encoding="utf-8")
    assert '"says":"holds 10k entries now"' in page
    assert '"peak":102400' in page
    assert "Ana <b>" not in page
