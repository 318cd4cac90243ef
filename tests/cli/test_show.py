from __future__ import annotations

import json

from pytest_memguard.core.entries import Entry, EntrySite
from tests.cli.running import HERE, KIB, CommandProject

ENTRY = Entry(
    {"peak": 2_694_911, "retained": 72, "allocations": 15, "settled": 2048, "leak_per_call": 8},
    spread={"peak": 100},
    note="LRU grew, see #482",
    sites=(EntrySite("shop/cache.py:put", 2_100_000),),
)


def test_entries_are_shown_by_module(shop: CommandProject) -> None:
    shop.store().update(
        {"tests/test_x.py::test_lookup[1000]": ENTRY, "tests/test_a.py::b": Entry({"peak": 5 * KIB})}
    )
    output = shop.memguard("show")
    assert output.lines == [
        "tests/test_a.py",
        "  b",
        "      peak 5.0 KiB",
        "tests/test_x.py",
        "  test_lookup[1000]",
        "      peak 2.6 MiB, retained 72 B, allocations 15, settled 2.0 KiB,",
        "      leak per call 8 B",
        "      varies by peak 100 B",
        "      note: LRU grew, see #482",
        "         2.0 MiB  shop/cache.py:put",
        f"2 of 2 entries, {HERE}.",
    ]
    assert output.code == 0
    assert max(map(len, output.lines)) <= 80


def test_patterns_choose_entries(shop: CommandProject) -> None:
    shop.accepted(a=1, b=2)
    assert shop.memguard("show", "*::b").lines == [
        "tests/test_x.py",
        "  b",
        "      peak 2 B",
        f"1 of 2 entries, {HERE}.",
    ]
    output = shop.memguard("show", "*::c")
    assert output.code == 3
    assert output.error == (
        "memguard: no entry of the baseline matches '*::c'; it has 2. List them with `memguard show`. "
        "See docs/reference/messages.md#nothing-to-judge\n"
    )


def test_json_holds_every_number(shop: CommandProject) -> None:
    shop.store().update({"tests/test_x.py::test_lookup[1000]": ENTRY})
    shown = json.loads("\n".join(shop.memguard("show", "--json").lines))
    assert shown == {
        "environment": HERE,
        "tests": {
            "tests/test_x.py::test_lookup[1000]": {
                **ENTRY.metrics,
                "leaks_per_1000_calls": {},
                "spread": {"peak": 100},
                "note": "LRU grew, see #482",
                "sites": [{"at": "shop/cache.py:put", "peak": 2_100_000, "retained": 0}],
            }
        },
    }


def test_json_sends_no_terminal_escape(shop: CommandProject) -> None:
    shop.accepted(**{"a\x1b[31m": 1})
    text = "\n".join(shop.memguard("show", "--json").lines)
    assert "\x1b" not in text
    assert "tests/test_x.py::a\x1b[31m" in json.loads(text)["tests"]


def test_nothing_accepted_ends_with_3(shop: CommandProject) -> None:
    output = shop.memguard("show")
    assert output.code == 3
    assert output.error == (
        f"memguard: nothing is accepted in {shop.root / '.memguard/baseline'}; run `pytest --memguard`, then "
        "`memguard accept`. See docs/reference/messages.md#nothing-to-judge\n"
    )


def test_another_environment_is_named_and_can_be_shown(shop: CommandProject) -> None:
    other = "cpython-3.9-macos-arm64"
    shop.store(other).update({"tests/test_x.py::a": Entry({"peak": 7})})
    output = shop.memguard("show")
    assert output.code == 3
    assert f"nothing is accepted for {HERE}, but for {other}; " in output.error
    assert f"`memguard show --environment {other}`" in output.error
    assert shop.memguard("show", "--environment", other).lines[-1] == f"1 of 1 entries, {other}."


def test_an_environment_that_is_a_path_ends_with_2(shop: CommandProject) -> None:
    output = shop.memguard("show", "--environment", "../..")
    assert output.code == 2
    assert "'../..' is not an environment" in output.error
