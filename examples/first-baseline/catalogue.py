"""A catalogue of products, read from lines of text."""

from __future__ import annotations

from collections.abc import Iterable


def read(lines: Iterable[str]) -> dict[int, dict[str, object]]:
    """Return the products of a catalogue by their number."""
    products = {}
    for line in lines:
        number, name, price = line.rstrip("\n").split(";")
        products[int(number)] = {"name": name, "price": float(price)}
    return products
