"""The page in a browser: Chromium, without a window."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pytest_memguard.core.ci import ci_variable
from pytest_memguard.core.flames import FlameNode
from pytest_memguard.meters.flames import memray_flame_graph
from pytest_memguard.meters.memray_meter import MemrayMeter
from pytest_memguard.meters.site_namer import SiteNamer
from pytest_memguard.reports.html.flame import flame_page
from pytest_memguard.reports.html.page import HtmlReport
from tests.reports.html.made_pages import HOSTILE, grown, history, hostile, many, one_of_everything
from tests.reports.made_results import run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not ci_variable(os.environ),
    reason="no Chromium is installed: apt-get install chromium",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "CI must have Chromium: .ci/run installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page that is open, and what it said and asked for meanwhile."""

    def __init__(
        self,
        browser: Browser,
        file: Path,
        text: str,
        *,
        ready: str = ".row",
        width: int = 1280,
        scheme: str = "light",
    ) -> None:
        file.write_text(text, encoding="utf-8")
        self.page: Page = browser.new_page(
            viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
        )
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector(ready, state="attached")

    def frame(self) -> None:
        """Wait until what was asked for is drawn."""
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def close(self) -> None:
        """Close it: it must have kept quiet and loaded nothing but itself."""
        self.frame()
        self.page.close()
        assert self.said == []
        assert len(self.asked) == 1


def test_five_thousand_tests_are_searched_sorted_and_opened(
    browser: Browser, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    visit = Visit(browser, tmp_path / "page.html", HtmlReport().page(run(*many(5_000))))
    page = visit.page
    painted = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    record_property("first_paint_ms", painted)
    print(f"first paint of 5,000 tests after {painted} ms")  # noqa: T201 - a figure to look at; how fast the machine is decides nothing
    assert page.locator("body *").count() < 400, "only the rows in sight are elements"
    assert page.locator(".total").inner_text() == "5,000 tests"
    assert page.locator(".row").first.inner_text().startswith("grew")
    page.keyboard.press("/")
    page.keyboard.type("case[1234] test_34")
    assert page.locator(".row .name").all_inner_texts() == ["test_case[1234]"]
    page.keyboard.press("Escape")
    page.select_option("#order", "name")
    page.locator(".list").evaluate("list => list.scrollTop = list.scrollHeight")
    visit.frame()
    names = page.locator(".row .file").all_inner_texts()
    assert names == sorted(names)
    assert names[-1] == "tests/unit/test_9.py"
    page.locator(".row").last.click()
    assert "test_9.py" in page.locator(".detail h2").inner_text()
    page.click("[data-outcome=grew]")
    assert page.locator(".row").count() == 1
    visit.close()


def test_the_keyboard_goes_through_the_tests(browser: Browser, tmp_path: Path) -> None:
    visit = Visit(browser, tmp_path / "page.html", HtmlReport().page(one_of_everything()))
    page = visit.page
    assert page.locator(".detail .pill").first.inner_text() == "leaked"
    page.keyboard.press("ArrowDown")
    assert page.locator(".detail .name").inner_text() == "test_lookup[1000]"
    page.keyboard.press("k")
    assert page.locator(".detail .name").inner_text() == "test_session"
    page.keyboard.press("End")
    assert page.locator(".detail .name").inner_text() == "test_fills"
    assert page.locator(".row[aria-selected=true]").count() == 1
    visit.close()


@pytest.mark.parametrize("width", [400, 1280, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_width_in_light_and_dark(
    browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    visit = Visit(
        browser, tmp_path / "page.html", HtmlReport().page(one_of_everything()), width=width, scheme=scheme
    )
    page = visit.page
    page.locator(".row").nth(1).click()
    visit.frame()
    assert page.locator(".detail canvas").count() == 1
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".beside").evaluate("place => place.scrollWidth <= place.clientWidth")
    light = (
        "() => getComputedStyle(document.querySelector('.beside')).backgroundColor === 'rgb(255, 255, 255)'"
    )
    assert page.evaluate(light) == (scheme == "light")
    page.keyboard.press("t")
    assert page.evaluate(light) == (scheme == "dark")
    visit.close()


def test_a_leak_and_a_filling_cache_are_both_drawn(browser: Browser, tmp_path: Path) -> None:
    visit = Visit(browser, tmp_path / "page.html", HtmlReport().page(one_of_everything()))
    page = visit.page
    visit.frame()
    assert "1.2 KiB stay behind with every call" in page.locator(".detail").inner_text()
    assert page.locator(".holders li").all_inner_texts() == ["shop.session._OPEN (dict)", "Session.rows"]
    assert page.get_by_text("objects a call: +2.00 dict, +1.00 shop.session.Session").is_visible()
    page.keyboard.press("End")
    visit.frame()
    assert "levelled off at 2.0 MiB" in page.locator(".detail").inner_text()
    assert page.locator(".detail canvas").count() == 1
    visit.close()


def test_threads_that_met_and_what_was_accepted_before_are_shown(browser: Browser, tmp_path: Path) -> None:
    results = one_of_everything()
    report = HtmlReport(history={results.environment: {grown().id: history()}})
    visit = Visit(browser, tmp_path / "page.html", report.page(results))
    page = visit.page
    page.keyboard.press("ArrowDown")
    visit.frame()
    assert page.locator(".threads i").count() == 8
    assert (
        "8 threads were between shop/cache.py:20 and shop/cache.py:24 at once"
        in page.locator(".met").inner_text()
    )
    assert page.locator(".step b").all_inner_texts() == ["31.0 MiB", "34.0 MiB", "26.0 MiB", "20.0 MiB"]
    assert "more rows" in page.locator(".steps").inner_text()
    assert page.locator(".detail canvas").count() == 2
    visit.close()


def test_what_is_printed_is_what_needs_a_look_in_the_colours_of_paper(
    browser: Browser, tmp_path: Path
) -> None:
    visit = Visit(browser, tmp_path / "page.html", HtmlReport().page(one_of_everything()), scheme="dark")
    page = visit.page
    background = "() => getComputedStyle(document.body).backgroundColor"
    on_screen = page.evaluate(background)
    page.emulate_media(media="print")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    visit.frame()
    assert page.locator("#print .detail").count() == 5
    assert page.locator("#print canvas").count() == 2
    assert not page.locator("main").is_visible()
    assert page.evaluate(background) != on_screen
    page.emulate_media(media="screen")
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert page.locator("#print .detail").count() == 0
    assert page.evaluate(background) == on_screen
    visit.close()


def test_hostile_names_are_shown_and_nothing_runs(browser: Browser, tmp_path: Path) -> None:
    visit = Visit(browser, tmp_path / "page.html", HtmlReport().page(hostile()))
    page = visit.page
    rows = page.locator(".row")
    for number in range(len(HOSTILE) + 2):
        rows.nth(number).click()
        assert page.locator(".detail h2").inner_text()
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.fill("#search", "<script>window")
    assert page.locator(".row .name").all_inner_texts() == [HOSTILE[0].split("::")[1]]
    assert page.evaluate("() => window.hacked") is None
    assert page.locator("img, iframe, script:not([type])").count() == 1
    visit.close()


def test_the_policy_stops_what_would_get_in(browser: Browser, tmp_path: Path) -> None:
    visit = Visit(browser, tmp_path / "page.html", HtmlReport().page(one_of_everything()))
    visit.page.evaluate(
        "() => { const script = document.createElement('script'); script.textContent = 'window.hacked = 1';"
        " document.body.append(script); }"
    )
    fetched = visit.page.evaluate("() => fetch('https://example.com/').then(() => true, () => false)")
    assert (visit.page.evaluate("() => window.hacked"), fetched) == (None, False)
    assert [said for said in visit.said if "Content Security Policy" in said]
    visit.page.close()


def test_a_flame_graph_is_searched_and_zoomed(browser: Browser, tmp_path: Path) -> None:
    root = FlameNode("the test", "", 9_000, 12_000)
    for name, before, after in (
        ("grows", 2_000, 7_000),
        ("shrinks", 6_000, 1_000),
        (HOSTILE[2], 1_000, 4_000),
    ):
        node = root.child(name, "shop.py")
        node.before_bytes, node.after_bytes = before, after
    below = root.children["grows", "shop.py"].child("inner", "shop.py")
    below.before_bytes, below.after_bytes = 2_000, 7_000
    text = flame_page(root, test_id="t.py::test_x", before="the accepted run", shows="Peak")
    visit = Visit(browser, tmp_path / "flame.html", text, ready=".box")
    page = visit.page
    colours = {
        name: page.get_by_text(name, exact=True).first.evaluate(
            "box => getComputedStyle(box).backgroundColor"
        )
        for name in ("grows", "shrinks")
    }
    red, blue = (tuple(map(int, re.findall(r"\d+", colours[name]))) for name in ("grows", "shrinks"))
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    page.get_by_text("grows", exact=True).first.click()
    assert "before 2.0 KiB, now 6.8 KiB (+4.9 KiB)" in page.locator("#said").inner_text()
    assert page.locator(".box").all_inner_texts() == ["the test", "grows", "inner"]
    page.keyboard.press("Escape")
    assert page.locator(".box").count() == 5
    page.fill("#search", "onerror")
    assert page.locator(".box.found").all_inner_texts() == [HOSTILE[2]]
    assert page.evaluate("() => window.hacked") is None
    visit.close()


def test_memrays_own_flame_graph_works_without_a_network(browser: Browser, tmp_path: Path) -> None:
    namer = SiteNamer(tmp_path)
    meter = MemrayMeter(namer)
    with meter.recording():
        held = [bytes(1000) for _ in range(500)]
    assert meter.keep_last(str(tmp_path / "capture.bin"))
    meter.close()
    text = memray_flame_graph(tmp_path / "capture.bin", of_end=False)
    visit = Visit(browser, tmp_path / "memray.html", text, ready="svg rect")
    assert visit.page.locator("svg rect").count() > 1
    assert len(held) == 500
    visit.close()
