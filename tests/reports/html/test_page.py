"""The page as text: what is in it, what is left out, and what a browser would let it do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from pytest_memguard.core.sample import Curve
from pytest_memguard.core.verdict import GrownSite
from pytest_memguard.reports.html import page as page_module
from pytest_memguard.reports.html.page import HtmlReport
from tests.reports.html.made_pages import HOSTILE, grown, hostile, many, one_of_everything
from tests.reports.made_results import result, run


class Elements(HTMLParser):
    """The start tags of a page, and the text of its data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self._in_data = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_data = tag == "script" and dict(attrs).get("id") == "data"

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data += data

    def handle_endtag(self, tag: str) -> None:
        self._in_data = False


def shown(text: str) -> Any:
    return json.loads(Elements(text).data)


def test_every_name_is_data_and_makes_no_element() -> None:
    plain, harmful = HtmlReport().page(one_of_everything()), HtmlReport().page(hostile())
    outside = [tag for tag, _ in Elements(plain).tags if tag not in ("tr", "td", "code")]
    assert [tag for tag, _ in Elements(harmful).tags if tag not in ("tr", "td", "code")] == outside
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', harmful, re.DOTALL)
    assert data is not None
    assert not set("<>&'\u2028\u202e\x1b") & set(data.group(1))
    assert len(shown(harmful)["tests"]) == len(HOSTILE) + 2


def test_the_page_may_load_nothing_and_run_only_its_own_script() -> None:
    tags = Elements(HtmlReport().page(one_of_everything())).tags
    (policy,) = [attrs["content"] for tag, attrs in tags if tag == "meta" and "http-equiv" in attrs]
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules.pop("default-src") == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/]+=*'", rules.pop("script-src"))
    assert re.fullmatch(r"'sha256-[\w+/]+=*'", rules.pop("style-src"))
    assert rules == {"img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}
    addresses = [value for _, attrs in tags for name, value in attrs.items() if name in ("src", "href")]
    assert [address for address in addresses if not (address or "").startswith("data:")] == []


def test_the_worst_comes_first_and_says_what_the_other_reports_say() -> None:
    data = shown(HtmlReport().page(one_of_everything()))
    assert data["runs"][0]["headline"] == "Memory grew in 2 of 6 guarded tests."
    assert [test["outcome"] for test in data["tests"]] == [
        "leaked",
        "grew",
        "not-measured",
        "new",
        "improved",
        "ok",
    ]
    assert data["tests"][0]["kinds"] == "objects a call: +2.00 dict, +1.00 shop.session.Session"
    grew = data["tests"][1]
    assert (grew["reason"], grew["change"]) == (
        "peak 48.0 MiB, was 31.0 MiB (+54.8%, limit 31.0 MiB)",
        "+54.8%",
    )
    assert len(grew["curve"]["held"]) == 90
    assert len(grew["accepted_curve"]["held"]) == 80
    commands = [each["command"] for each in grew["commands"]]
    assert commands[1] == "memguard accept 'tests/test_cache.py::test_lookup[1000]'"


def test_a_name_that_cannot_be_shown_whole_makes_no_command() -> None:
    data = shown(HtmlReport().page(hostile()))
    named = {command["command"] for test in data["tests"] for command in test.get("commands", [])}
    assert not [command for command in named if "\\x1b" in command or "…" in command]


def test_what_does_not_fit_is_the_last_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "DATA_BYTES", 20_000)
    text = HtmlReport().page(run(*many(2_000)))
    data = shown(text)
    assert data["tests"][0]["outcome"] == "grew"
    assert data["left_out"] == 2_000 - len(data["tests"])
    assert len(Elements(text).data) < 25_000


def test_a_test_of_many_sites_and_notes_shows_some() -> None:
    test = grown()
    sites = tuple(
        GrownSite(replace(test.verdict.sites[0].site, line=line), size_bytes=9, grew_by_bytes=9)
        for line in range(5_000)
    )
    test = replace(test, verdict=replace(test.verdict, sites=sites), hints=("x" * 20_000,) * 500)
    (content,) = shown(HtmlReport().page(run(test)))["tests"]
    assert len(content["sites"]) + content["more_sites"] == 5_000
    assert len(json.dumps(content)) < 40_000


def test_a_test_that_is_ok_takes_little_room() -> None:
    contents = shown(HtmlReport().page(run(*many(100))))["tests"]
    assert max(len(json.dumps(content)) for content in contents[1:]) < 400


def test_several_environments_are_on_one_page() -> None:
    other = replace(run(result()), environment="cpython-3.13-linux-x86_64")
    data = shown(HtmlReport().page(run(grown()), other))
    assert [one["environment"] for one in data["runs"]] == [
        "cpython-3.11-linux-x86_64",
        "cpython-3.13-linux-x86_64",
    ]
    assert [test.get("run", 0) for test in data["tests"]] == [0, 1]


def test_a_curve_without_points_is_none() -> None:
    test = grown()
    assert test.measurement is not None
    test = replace(test, measurement=replace(test.measurement, curve=Curve("ms", 10, ())))
    assert "curve" not in shown(HtmlReport().page(run(test)))["tests"][0]
