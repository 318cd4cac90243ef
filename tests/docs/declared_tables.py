"""Tables of the reference that follow from declarations: `python -m tests.docs.declared_tables`."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable

from pytest_memguard.core.declared import Declared, declarations
from pytest_memguard.core.known_leaks import KnownLeak
from pytest_memguard.core.policy import POLICY_KEYS, Policy
from pytest_memguard.core.settings import Settings
from tests.docs.pages import ROOT, text_of


def marker_table() -> str:
    """Return the arguments of the marker, with defaults as Python has them."""
    return _table("argument", _rows(declarations(Policy).values(), lambda default: default.replace("'", '"')))


def settings_table() -> str:
    """Return the keys of the settings, with defaults as TOML has them."""
    rows = _rows(declarations(Settings).values(), lambda default: json.dumps(ast.literal_eval(default)))
    keys = ", ".join(f"`{key}`" for key in POLICY_KEYS if key not in declarations(Settings))
    return _table("key", [*rows, f"| {keys} | as the [marker](marker.md) | for every guarded test |"])


def known_leak_table() -> str:
    """Return the keys of a known leak."""
    rows = [f"| `{one.key}` | {one.help} |" for one in declarations(KnownLeak).values()]
    return "\n".join(["| key | means |", "|---|---|", *rows])


TABLES: dict[tuple[str, str], Callable[[], str]] = {
    ("marker", "| argument | default | means |"): marker_table,
    ("settings", "| key | default | means |"): settings_table,
    ("settings", "| key | means |"): known_leak_table,
}
"""Each table by its page and its first line."""


_ROWS = re.compile(r"\A(\|.*\n)*")


def _rows(declared: Iterable[Declared], written: Callable[[str], str]) -> list[str]:
    defaults = {one.key: f"`{written(one.default)}`" if one.default else "none" for one in declared}
    return [f"| `{one.key}` | {defaults[one.key]} | {one.help} |" for one in declared]


def _table(first: str, rows: Iterable[str]) -> str:
    return "\n".join([f"| {first} | default | means |", "|---|---|---|", *rows])


def rewritten(page: str) -> str:
    """Return a page of the reference with its tables as they are declared."""
    text = text_of(page)
    for (name, head), table in TABLES.items():
        if name == page:
            before, _, rest = text.partition(f"{head}\n")
            text = f"{before}{table()}\n{_ROWS.sub('', rest, count=1)}"
    return text


if __name__ == "__main__":
    for page in {page for page, _ in TABLES}:
        (ROOT / f"docs/reference/{page}.md").write_text(rewritten(page), encoding="utf-8")
