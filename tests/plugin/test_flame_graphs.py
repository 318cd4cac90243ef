"""`memguard flamegraph`: memray's page works offline, and the difference says where memory grew."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pytest_memguard.cli import main
from pytest_memguard.core.paths import FLAMES_PATH
from tests.guarded_project import GuardedProject

SHOP = """
    def load(number):
        held = []
        while len(held) < number:
            held.append(bytes(1000))
        return held

    def look(number):
        held = []
        while len(held) < number:
            held.append(bytearray(500))
        return held
"""
BUYING = """
    import pytest
    import shop

    @pytest.mark.memguard(tolerance="1 KiB")
    def test_buys():
        held = [shop.load({loaded}), shop.look({looked})]
        del held
"""


def memguard(project: GuardedProject, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["--root", str(project.root), *arguments])
    return int(ended.value.code or 0)


def graphs(project: GuardedProject) -> dict[str, str]:
    found = sorted((project.root / FLAMES_PATH).glob("*.html"))
    return {
        "difference" if "difference" in path.name else "memray": path.read_text("utf-8") for path in found
    }


def sizes(node: list[Any]) -> dict[str, tuple[int, int]]:
    """Return what each function held before and holds now, by name."""
    function, _, before, after, below = node
    found = {function: (before, after)}
    for child in below:
        found |= sizes(child)
    return found


def test_the_difference_from_the_accepted_run_says_what_grew_and_what_shrank(project: GuardedProject) -> None:
    project.write(shop=SHOP, test_it=BUYING.format(loaded=100, looked=400))
    assert project.run("--memguard-accept", "--memguard-profiles=all").code == 0
    project.write(test_it=BUYING.format(loaded=900, looked=100))
    assert project.run().code == 1
    assert memguard(project, "flamegraph", "test_it.py") == 0
    pages = graphs(project)
    assert not re.search(r"<(?:script|img|link)[^>]* (?:src|href)=", pages["memray"])
    data = re.search(r'id="data">(.*?)</script>', pages["difference"], re.DOTALL)
    assert data is not None
    shown = json.loads(data.group(1))
    held = sizes(shown["tree"])
    assert held["load"][1] > 8 * held["load"][0] > 800_000
    assert held["look"][0] > 3.5 * held["look"][1] > 150_000
    assert next(iter(held)) == "the test"
    assert list(held)[1] == "test_buys", "what pytest called is not shown"
    functions = {change["function"]: change["by"] for change in shown["changed"]}
    assert functions["load"] > 0 > functions["look"]


def test_a_capture_that_nobody_kept_is_said_with_the_way_to_get_one(
    project: GuardedProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write(shop=SHOP, test_it=BUYING.format(loaded=100, looked=1))
    project.run("--memguard-accept")
    assert memguard(project, "flamegraph", "test_it.py::test_buys") == 3
    assert "--memguard-profiles=all" in capsys.readouterr().err


@pytest.mark.parametrize("left_share", [0.0, 0.3, 0.999])
def test_a_capture_that_is_cut_off_makes_no_graph(
    left_share: float, project: GuardedProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write(shop=SHOP, test_it=BUYING.format(loaded=100, looked=1))
    project.run("--memguard-accept", "--memguard-profiles=all")
    (capture,) = (project.root / ".memguard/profiles").glob("*test_buys*.bin")
    content = capture.read_bytes()
    left = content[: round(left_share * len(content))]
    capture.write_bytes(left[:-1] + b"\x48" if left else left)  # no end that happens to look like the mark
    assert memguard(project, "flamegraph", "test_it.py::test_buys") == 2
    assert "the capture of memray" in capsys.readouterr().err
    assert not graphs(project)


def test_the_report_links_to_the_graphs_of_its_run(project: GuardedProject) -> None:
    project.write(shop=SHOP, test_it=BUYING.format(loaded=100, looked=1))
    project.run("--memguard-accept", "--memguard-profiles=all")
    project.write(test_it=BUYING.format(loaded=900, looked=1))
    project.run()
    page = project.root / ".memguard/results/report.html"
    memguard(project, "report")
    assert '"links"' not in page.read_text("utf-8")
    memguard(project, "flamegraph", "test_it.py")
    memguard(project, "report")
    (links,) = re.findall(r'"links":(\[\[.*?\]\])', page.read_text("utf-8"))
    targets = [page.parent / address for _, address in json.loads(links)]
    assert len(targets) == 2
    assert all(target.is_file() for target in targets)
