"""Turns dataclasses into plain values for JSON and back, by the types of their fields."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

_T = TypeVar("_T")


def to_plain(value: Any) -> Any:
    """Return a dataclass, with all that it holds, as values that `json` can write."""
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value


def from_plain(kind: type[_T], data: Mapping[str, Any]) -> _T:
    """Return the dataclass that `to_plain` wrote; a field that is missing keeps its default."""
    hints = get_type_hints(kind)
    known = [field.name for field in fields(kind) if field.name in data]  # type: ignore[arg-type]  # callers pass dataclasses
    return kind(**{name: _read(hints[name], data[name]) for name in known})


def _read(hint: Any, value: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if value is None or (origin is None and not isinstance(hint, type)):
        return value
    if origin in (Union, types.UnionType):
        return _read(next(each for each in arguments if each is not type(None)), value)
    if origin is tuple:
        return tuple(_read(arguments[0], each) for each in value)
    if origin is not None:
        return {key: _read(arguments[1], each) for key, each in value.items()}
    return _read_one(hint, value)


def _read_one(kind: type[Any], value: Any) -> Any:
    if is_dataclass(kind):
        return from_plain(kind, value)
    if issubclass(kind, date):
        return kind.fromisoformat(value)
    return kind(value) if issubclass(kind, Enum) else value
