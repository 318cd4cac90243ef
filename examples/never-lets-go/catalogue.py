"""The catalogue of the shop: products in SQLite, and what is bought together with each."""

from __future__ import annotations

import sqlite3
from pathlib import Path

PRODUCTS = 2_000
RELATED = 60


def create(path: Path) -> None:
    """Write a catalogue to a new file."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE product (number INTEGER PRIMARY KEY, name TEXT, shelf INTEGER, price REAL)"
        )
        connection.executemany(
            "INSERT INTO product VALUES (?, ?, ?, ?)",
            ((n, f"product {n}", n * 7919 % 31, 1 + n % 90 + 0.9) for n in range(PRODUCTS)),
        )
    connection.close()


def product(path: Path, number: int) -> tuple[str, float] | None:
    """Return the name and the price of a product."""
    connection = sqlite3.connect(path)
    try:
        row = connection.execute("SELECT name, price FROM product WHERE number = ?", (number,)).fetchone()
    finally:
        connection.close()
    return None if row is None else (str(row[0]), float(row[1]))


def related(path: Path, number: int) -> list[tuple[int, str, float]]:
    """Return what to offer with a product: the slow question, no index answers it."""
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(
            "SELECT other.number, other.name, other.price FROM product, product AS other"
            " WHERE product.number = ? AND other.shelf = product.shelf AND other.number != product.number"
            " ORDER BY abs(other.price - product.price), other.number LIMIT ?",
            (number, RELATED),
        ).fetchall()
    finally:
        connection.close()
    return [(int(n), str(name), float(price)) for n, name, price in rows]
