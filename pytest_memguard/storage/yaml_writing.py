"""Writes YAML that every YAML reader reads back unchanged."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLAIN = re.compile(r"[^\W\d](?:[^ :#]|:(?! )(?!$)|(?<! )#| (?! *$))*")
_FLOW_PLAIN = re.compile(r"[A-Za-z_][\w.+-]*|[0-9]+\.[0-9]+\.[\w.+-]*", re.ASCII)
_WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_LONGEST_SIMPLE_KEY = 1000  # YAML ends simple keys at 1,024 characters


def write_text(text: str) -> str:
    """Write a text of a block mapping: plain where every YAML reader gives the same text back.

    >>> write_text("test_lookup[1000]"), write_text("see #482"), write_text("no")
    ('test_lookup[1000]', '"see #482"', '"no"')
    """
    if _PLAIN.fullmatch(text) and text.isprintable() and text.lower() not in _WORDS_OF_YAML:
        return text
    return write_quoted(text)


def write_quoted(text: str) -> str:
    """Write a text in double quotes, on one line; what does not print is escaped.

    Raises `ValueError` for a lone surrogate, which UTF-8 cannot hold.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(_escaped(character) for character in text)}"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    if "\ud800" <= character <= "\udfff":
        raise ValueError(f"{character!r} is half of a surrogate pair, which UTF-8 cannot encode")
    code = ord(character)
    return f"\\u{code:04x}" if character <= "\uffff" else f"\\U{code:08x}"


def write_key(text: str, indent: str) -> str:
    """Write a key and its colon; beyond what YAML allows of simple keys, the explicit form."""
    written = write_text(text)
    if len(written) > _LONGEST_SIMPLE_KEY:
        return f"{indent}? {written}\n{indent}:"
    return f"{indent}{written}:"


def write_flow(mapping: Mapping[str, int | str]) -> str:
    """Write a small mapping on one line.

    >>> write_flow({"at": "shop/cache.py:put", "peak": 2100000})
    '{at: "shop/cache.py:put", peak: 2_100_000}'
    """
    parts = []
    for key, value in mapping.items():
        name = key if _FLOW_PLAIN.fullmatch(key) else write_quoted(key)
        name = f"? {name} " if len(name) > _LONGEST_SIMPLE_KEY else name
        if isinstance(value, int):
            parts.append(f"{name}: {value:_}")
        elif not _FLOW_PLAIN.fullmatch(value) or value.lower() in _WORDS_OF_YAML:
            parts.append(f"{name}: {write_quoted(value)}")
        else:
            parts.append(f"{name}: {value}")
    return "{" + ", ".join(parts) + "}"
