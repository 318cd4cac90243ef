"""Draws the pictures of the report: both outages, as `memguard report` shows them.

    python docs/images/draw_report.py

Plays each example as it was before its outage, accepts that, lets the outage in, and takes pictures of the
page and of the differential flame graph in Chromium without a window. Needs the dependency groups `test` and
`examples`, and Chromium on PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
OUTAGES = {"never-lets-go": "personal-pages.patch", "racing-cache": "no-lock.patch"}
SHOWN = {"never-lets-go": "shows_the_price", "racing-cache": "threads"}
WIDTH, HEIGHT = 1280, 860


def play(example: str, patch: str, into: Path) -> Path:
    """Accept an example, let its outage in, and write its pages; return the folder that they are in."""
    folder = into / example
    shutil.copytree(EXAMPLES / example, folder, ignore=shutil.ignore_patterns(".memguard", "__pycache__"))
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "COLUMNS")}
    environment |= {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # other plugins change nothing here, and cost time
        "PYTEST_PLUGINS": "pytest_memguard.plugin,pytest_asyncio.plugin",
    }
    pytest = [sys.executable, "-m", "pytest", "--quiet", "--memguard"]
    memguard = [str(Path(sys.executable).with_name("memguard"))]
    for command, codes in (
        ([*pytest, "--memguard-accept", "--memguard-profiles=all"], (0,)),
        (["git", "apply", patch], (0,)),
        (pytest, (1,)),
        ([*memguard, "flamegraph", "tests"], (0,)),
        ([*memguard, "report"], (0,)),
    ):
        done = subprocess.run(command, cwd=folder, env=environment, check=False)
        if done.returncode not in codes:
            raise SystemExit(f"{' '.join(command)} ended with exit code {done.returncode}")
    return folder / ".memguard/results"


def shoot(browser: Browser, page: Path, name: str, *, opened: str = "", height: int = HEIGHT) -> None:
    """Take a picture of a page, with the test that is `opened`."""
    view = browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme="light")
    view.goto(page.as_uri())
    if opened:
        view.locator(".row", has_text=opened).click()
        view.mouse.move(0, 0)
    view.wait_for_timeout(500)  # until its charts are drawn
    view.screenshot(path=HERE / name)
    view.close()


def main() -> None:
    """Draw the pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for example, patch in OUTAGES.items():
            results = play(example, patch, Path(name))
            shoot(browser, results / "report.html", f"report-{example}.png", opened=SHOWN[example])
            for graph in sorted(results.glob("flamegraphs/*tasks*-difference.html")):
                shoot(browser, graph, f"difference-{example}.png", height=480)
        browser.close()


if __name__ == "__main__":
    main()
