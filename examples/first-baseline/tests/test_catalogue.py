from __future__ import annotations

import pytest
from catalogue import read


@pytest.fixture
def lines() -> list[str]:
    return [f"{number};product {number};9.90\n" for number in range(20_000)]


@pytest.mark.memguard
def test_read(lines: list[str]) -> None:
    products = read(lines)
    assert products[7] == {"name": "product 7", "price": 9.9}
