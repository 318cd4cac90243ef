"""Tables of the reference and the JSON Schema, from declarations: `python -m tests.docs.declared_tables`."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from pytest_memguard.core.known_leaks import KnownLeak
from pytest_memguard.core.metrics import METRICS
from pytest_memguard.core.policy import POLICY_KEYS, Policy
from pytest_memguard.core.readers import Declared, declarations
from pytest_memguard.core.settings import Settings
from pytest_memguard.storage.results_schema import schema
from tests.docs.pages import ROOT, text_of

RECORDS = tuple(name for name, one in schema()["$defs"].items() if "properties" in one)
SCHEMA = ROOT / "pytest_memguard/storage/results.schema.json"


def marker_table() -> str:
    """Return the arguments of the marker, with defaults as Python has them."""
    return _table("argument", _rows(declarations(Policy).values(), lambda default: default.replace("'", '"')))


def settings_table() -> str:
    """Return the keys of the settings, with defaults as TOML has them."""
    rows = _rows(declarations(Settings).values(), lambda default: json.dumps(ast.literal_eval(default)))
    keys = ", ".join(f"`{key}`" for key in POLICY_KEYS if key not in declarations(Settings))
    return _table("key", [*rows, f"| {keys} | as the [marker](marker.md) | for every guarded test |"])


def metric_table() -> str:
    """Return the metrics, with what gates each."""
    rows = [
        f"| `{one.name}` | {'count' if one.is_count else 'bytes'} | {one.means} | "
        f"{'yes' if one.is_gated else f'with `{one.limit_key}` or a tolerance'} |"
        for one in METRICS.values()
    ]
    return "\n".join(["| metric | unit | means | gated by default |", "|---|---|---|---|", *rows])


def known_leak_table() -> str:
    """Return the keys of a known leak."""
    rows = [f"| `{one.key}` | {one.help} |" for one in declarations(KnownLeak).values()]
    return "\n".join(["| key | means |", "|---|---|", *rows])


def schema_text() -> str:
    """Return the JSON Schema of the results file as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def record_table(first: str, properties: Callable[[], Mapping[str, Any]]) -> str:
    """Return the keys of a record of the results file, their types and what they mean."""
    rows = [
        f"| `{name}` | {_type(one)} | {one.get('description', '')} |" for name, one in properties().items()
    ]
    return "\n".join([first, "|---|---|---|", *rows])


def _type(value: Mapping[str, Any]) -> str:
    """Return the type of a value of the schema in words."""
    if value.get("type") == "array":
        return f"list of {_elements(value['items'])}"
    if "additionalProperties" in value:
        return f"by name: {_type(value['additionalProperties'])}"
    words = value.get("enum", [value["const"]] if "const" in value else [])
    if words:
        return ", ".join(f"`{word}`" for word in words)
    name = str(value.get("$ref", value.get("format", value.get("type")))).rpartition("/")[2]
    return f"[{name}](#{name})" if name in RECORDS else _TYPES[name]


def _elements(items: Mapping[str, Any]) -> str:
    if "minItems" in items:
        return f"lists of {items['minItems']} sizes"
    if "properties" in items:
        return f"records: {', '.join(f'`{name}`' for name in items['properties'])}"
    return _type(items)


_TYPES = {
    "string": "text",
    "boolean": "true or false",
    "integer": "count",
    "number": "number",
    "date": "a day, as in 2027-01-31",
    "size": "size",
    "file": "file",
    "outcome": "[outcome](outcomes.md)",
    "sizes": "by metric: size",
}


def _head(name: str) -> str:
    return f"| key of a {name} | type | means |"


def _properties(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schema()["$defs"][name]["properties"]
    return found


TABLES: dict[tuple[str, str], Callable[[], str]] = {
    ("marker", "| argument | default | means |"): marker_table,
    ("settings", "| key | default | means |"): settings_table,
    ("settings", "| key | means |"): known_leak_table,
    ("outcomes", "| metric | unit | means | gated by default |"): metric_table,
    ("results-format", "| key | type | means |"): partial(
        record_table, "| key | type | means |", lambda: schema()["properties"]
    ),
    **{
        ("results-format", _head(name)): partial(record_table, _head(name), partial(_properties, name))
        for name in RECORDS
    },
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
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    for page in {page for page, _ in TABLES}:
        (ROOT / f"docs/reference/{page}.md").write_text(rewritten(page), encoding="utf-8")
