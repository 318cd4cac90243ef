"""A cache that fills up within its bound, through pytest: what it will settle at is accepted and judged."""

from __future__ import annotations

import re

from pytest_memguard.core.units import format_size
from tests.guarded_project import GuardedProject

FILES = {
    "shop.py": """
        import functools, os

        @functools.lru_cache(maxsize=1_000_000)
        def price(number):
            return bytearray(int(os.environ["SIZE"]))
    """,
    "test_it.py": """
        import itertools, pytest
        from shop import price
        numbers = itertools.count()

        @pytest.mark.memguard(leaks=True, leak_budget=0.1)
        def test_price():
            price(next(numbers))

        @pytest.mark.memguard(leaks=True, leak_budget=0.1, max_settled="100 MiB")
        def test_limited():
            price(next(numbers))
    """,
}
TEXT = r"shop.price fills up to 1,000,000 entries, \d+\.\d MiB at this rate; [\d,]+ so far"


def test_what_a_bounded_cache_will_settle_at_is_judged(project: GuardedProject) -> None:
    project.write(FILES)
    project.let(SIZE=500)
    accepted = project.spawn("--memguard-accept")
    assert accepted.outcomes() == {"test_price": "no-baseline", "test_limited": "over-limit"}
    (bound,) = accepted.results()["test_price"]["leak"]["bounds"]
    assert (bound["holder"], bound["at_most"]) == ("shop.price", 1_000_000)
    assert 500_000_000 < bound["settles_at"] == accepted.measured("test_price", "settled") < 900_000_000
    assert "\n    settled: " in project.entries()

    again = project.spawn("-v")
    assert again.outcomes() == {"test_price": "ok", "test_limited": "over-limit"}
    assert_text(again.summary, "bounded       test_it.py::test_price  " + TEXT)
    assert_text(again.text, "over-limit: settled ")

    project.let(SIZE=1500)
    grown = project.spawn("-k", "price")
    assert grown.outcomes() == {"test_price": "grew"}
    assert grown.code == 1
    was = re.escape(format_size(bound["settles_at"]))
    assert_text(grown.text, rf"grew: settled 1\.\d GiB, was {was} ")
    assert_text(grown.text, r"held by shop.price \(functools cache, [\d,]+ of at most 1,000,000 entries\)")
    assert_text(grown.text, TEXT.replace("MiB", "GiB"))


def assert_text(text: str, pattern: str) -> None:
    assert re.search(pattern, text), text
