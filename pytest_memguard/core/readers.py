"""Readers of values that users write, and the declaration of a dataclass's fields with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, TypeVar, cast

from pytest_memguard.core.errors import MemguardError, UnknownNameError, ValueFormError, nearest

T = TypeVar("T")
_METADATA = "declared"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a user may write for the field `name`.

    `read` raises a `MemguardError` for what it cannot read. `default` is written as a user
    would write it; it is empty where nothing stands for the default. `is_table` says that the
    value is a list of tables, each of which `read` reads. Where several keys fill one field, a mapping,
    `part` is the name in it that this one is for. `weak` is the value with which something passes that
    else fails, where there is one: a workflow that says what fails overrules it. `asks` says that a marker
    asks for a check by it, which has to be made in CI.
    """

    key: str
    name: str
    read: Callable[[object], object]
    help: str
    default: str = ""
    is_table: bool = False
    part: str = ""
    weak: object = None
    asks: bool = False


def declared(
    read: Callable[[object], T],
    text: str,
    *,
    default: object,
    key: str = "",
    weak: object = None,
    asks: bool = False,
) -> T:
    """Declare a field that users may set; `text` is its line of the reference.

    `default` is as users would write it, or nothing. `key` is what users write where that is not the
    field's name; for `weak` and `asks` see `Declared`.
    """
    value = read(default) if default else cast("T", default)
    written = "" if default is None else repr(default)
    declaration = {"key": key, "read": read, "help": text, "default": written, "weak": weak, "asks": asks}
    return _field(value, declaration)


def declared_tables(read: Callable[[object], T], text: str, *, key: str) -> tuple[T, ...]:
    """Declare a field that users fill with tables; `read` reads one of them."""
    empty: tuple[T, ...] = ()
    return _field(empty, {"key": key, "read": read, "help": text, "is_table": True})


def declared_each(
    parts: Mapping[str, tuple[str, Callable[[object], T], str]], *, asks: bool = False
) -> Mapping[str, T]:
    """Declare a field that holds values by name: the key of each, its reader, and its help."""
    empty: Mapping[str, T] = {}
    declarations = (
        {"key": key, "read": read, "help": text, "part": part, "asks": asks}
        for part, (key, read, text) in parts.items()
    )
    return _field(empty, *declarations)


def _field(default: T, *declarations: Mapping[str, object]) -> T:
    metadata = {_METADATA: declarations}
    if isinstance(default, Hashable):
        return field(default=default, metadata=metadata)
    return field(default_factory=lambda: default, metadata=metadata)


@cache
def declarations(cls: Any) -> dict[str, Declared]:
    """Return what users may write for a dataclass, by key, in the order of its fields."""
    found = {}
    for one in fields(cls):
        for declaration in one.metadata.get(_METADATA, ()):
            key = declaration["key"] or one.name
            found[key] = Declared(**{**declaration, "key": key, "name": one.name})
    return found


def read_fields(cls: Any, written: Mapping[str, object], section: str = "") -> dict[str, object]:
    """Read what a user wrote for a dataclass; return the values by field.

    Raises the reader's error, or `UnknownNameError`; both name the key, after `section`, where
    it was written.
    """
    known = declarations(cls)
    values: dict[str, Any] = {}
    for key, value in written.items():
        if key not in known:
            raise UnknownNameError(f"there is no argument {key!r}, {nearest(key, known)}")
        one = known[key]
        if one.is_table:
            values[one.name] = _tables(one, value)
            continue
        what = read_value(one.read, value, f"{section}{key}")
        values[one.name] = {**values.get(one.name, {}), one.part: what} if one.part else what
    return values


def read_value(reader: Callable[[object], T], value: object, where: str) -> T:
    """Read one value; an error says first where it was written."""
    try:
        return reader(value)
    except MemguardError as error:
        raise type(error)(f"{where}: {error}") from error


def _tables(one: Declared, value: object) -> tuple[object, ...]:
    if not isinstance(value, list) or not all(isinstance(table, Mapping) for table in value):
        raise ValueFormError(f"{one.key} is written as [[tool.memguard.{one.key}]] tables, got {value!r}.")
    return tuple(
        read_value(one.read, table, f"[[tool.memguard.{one.key}]] {number}")
        for number, table in enumerate(value, 1)
    )


def parse_switch(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueFormError(f"{value!r} is not a switch; accepted are true and false.")
    return value


def parse_text(value: object) -> str:
    """Read a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueFormError(f"{value!r} is not a text; accepted is one that is not empty.")
    return value


def parse_date(value: object) -> dt.date:
    """Read a day, written as `2027-01-31`, quoted or not.

    >>> parse_date("2027-01-31")
    datetime.date(2027, 1, 31)
    """
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.datetime.strptime(str(value), "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no time zone
    except ValueError as error:
        raise ValueFormError(f"{value!r} is not a day; accepted is one such as '2027-01-31'.") from error


def one_of(what: str, *choices: str) -> Callable[[object], str]:
    """Return a reader of one of several words; `what` is what an error says a value is not."""

    def read_choice(value: object) -> str:
        if value not in choices:
            known = " and ".join([", ".join(repr(choice) for choice in choices[:-1]), repr(choices[-1])])
            raise ValueFormError(f"{value!r} is not {what}; accepted are {known}.")
        return str(value)

    return read_choice
