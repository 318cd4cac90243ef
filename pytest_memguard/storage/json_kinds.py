"""Kinds of values in JSON: each reads an untrusted value, writes one, and has its JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from enum import Enum
from typing import Any, Generic, TypeVar

from pytest_memguard.core.errors import nearest
from pytest_memguard.storage.checked_json import LARGEST_NUMBER, LONGEST_SHOWN, Part, safe_file, utf8

_T = TypeVar("_T")
_E = TypeVar("_E", bound=Enum)
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind(Generic[_T]):
    """How a value is read, written and described; `read` raises `ResultsError`."""

    read: Callable[[Part], _T]
    write: Callable[[_T], object]
    schema: Schema


DEFINITIONS: dict[str, Schema] = {}
"""The schema of every kind that other schemas refer to by a name."""


def defined_as(kind: Kind[_T], name: str) -> Kind[_T]:
    """Return the same kind; schemas refer to it by a name, under which it is in `DEFINITIONS`."""
    DEFINITIONS[name] = kind.schema
    return Kind(kind.read, kind.write, {"$ref": f"#/$defs/{name}"})


TEXT: Kind[str] = Kind(Part.text, utf8, {"type": "string"})
FLAG: Kind[bool] = Kind(Part.flag, bool, {"type": "boolean"})
SIZE: Kind[int] = defined_as(
    Kind(Part.signed, int, {"type": "integer", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}), "size"
)
COUNT: Kind[int] = Kind(Part.count, int, {"type": "integer", "minimum": 0})
NUMBER: Kind[float] = Kind(Part.number, float, {"type": "number"})
DAY = Kind(Part.day, lambda day: day.isoformat(), {"type": "string", "format": "date"})
FILE: Kind[str] = defined_as(
    Kind(
        Part.path,
        safe_file,
        {
            "type": "string",
            "description": "Relative to the project, or to the folder a package is installed in; "
            "never absolute, never with '..'.",
            "pattern": r"^(?!/)(?!.*(^|/)\.\.(/|$))[^\\]*$",
        },
    ),
    "file",
)


def word_of(words: Iterable[str], what: str) -> Kind[str]:
    """Return the kind of a word that is one of some; `what` names it in messages."""
    known = tuple(words)

    def read(part: Part) -> str:
        if part.value not in known:
            raise part.wrong(f"{what}, {nearest(str(part.value)[:LONGEST_SHOWN], known)}")
        return part.text()

    return Kind(read, str, {"enum": list(known)})


def member_of(members: type[_E], what: str) -> Kind[_E]:
    """Return the kind of a member of an enumeration, written as its value."""
    word = word_of((member.value for member in members), what)
    return Kind(lambda part: members(word.read(part)), lambda member: member.value, word.schema)


def list_of(kind: Kind[_T], *, at_most: int | None = None, what: str = "") -> Kind[tuple[_T, ...]]:
    """Return the kind of a list; one longer than `at_most` is refused, and `what` names its elements."""

    def read(part: Part) -> tuple[_T, ...]:
        elements = part.elements()
        if at_most is not None and len(elements) > at_most:
            raise part.wrong(f"a list of at most {at_most:,} {what}")
        return tuple(map(kind.read, elements))

    limit = {} if at_most is None else {"maxItems": at_most}
    return Kind(
        read, lambda values: [*map(kind.write, values)], {"type": "array", **limit, "items": kind.schema}
    )


def by_name(kind: Kind[_T], names: Kind[str] = TEXT) -> Kind[Mapping[str, _T]]:
    """Return the kind of an object whose keys are names."""

    def read(part: Part) -> dict[str, _T]:
        return {names.read(Part(name, part.place)): kind.read(part.field(name)) for name in part.fields()}

    schema: Schema = {"type": "object"}
    if names is not TEXT:
        schema["propertyNames"] = names.schema
    return Kind(
        read,
        lambda values: {name: kind.write(value) for name, value in values.items()},
        {**schema, "additionalProperties": kind.schema},
    )


_NO_DEFAULT = object()


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a record: its name in the file, its kind of value, and the field that it holds.

    That is the one of its own name unless `field` names another.
    A field that has a default is left out of the file where it has that value, unless the key is
    `written_always`. One without a default has to be there; `default` gives the file one.
    """

    name: str
    kind: Kind[Any]
    means: str = ""
    field: str = ""
    written_always: bool = False
    default: object = _NO_DEFAULT


@dataclass(frozen=True, slots=True)
class Within:
    """A field whose own keys stand among those of the record around it."""

    field: str
    record: Record[Any]


class Record(Generic[_T]):
    """An object of the file whose keys are fields of a dataclass."""

    def __init__(self, made: type[_T], *parts: Key | Within, means: str = "") -> None:
        self._made = made
        self._parts = tuple(_completed(part, made) for part in parts)
        self.means = means
        self.kind: Kind[_T] = Kind(self.read, self.write, self.schema())

    def keys(self) -> Iterator[Key]:
        """Yield every key, those of fields within it too."""
        for part in self._parts:
            yield from part.record.keys() if isinstance(part, Within) else (part,)

    def read(self, part: Part) -> _T:
        """Read the dataclass; keys that are not known are ignored. Raises `ResultsError`."""
        return self._made(**self.values(part))

    def values(self, part: Part) -> dict[str, Any]:
        """Read the fields that are there, by their names. Raises `ResultsError`."""
        there = part.fields()
        found: dict[str, Any] = {}
        for one in self._parts:
            if isinstance(one, Within):
                found[one.field] = one.record.read(part)
            elif one.default is _NO_DEFAULT or there.get(one.name, one.default) is not one.default:
                found[one.field] = one.kind.read(part.field(one.name))
            else:
                found[one.field] = one.default
        return found

    def write(self, value: _T) -> dict[str, object]:
        """Return the object of the file, in the order of the keys."""
        written: dict[str, object] = {}
        for one in self._parts:
            held = getattr(value, one.field)
            if isinstance(one, Within):
                written |= one.record.write(held)
            elif one.written_always or held != one.default:
                written[one.name] = one.kind.write(held)
        return written

    def schema(self) -> Schema:
        """Return the JSON Schema of the object."""
        properties = {key.name: key.kind.schema | _described(key.means) for key in self.keys()}
        required = [*self.required()]
        schema: Schema = {"type": "object", **_described(self.means), "properties": properties}
        return schema | ({"required": required} if required else {})

    def required(self) -> Iterator[str]:
        """Yield the names of the keys that have to be there."""
        for one in self._parts:
            if isinstance(one, Within):
                yield from one.record.required()
            elif one.default is _NO_DEFAULT:
                yield one.name


def _described(means: str) -> Schema:
    return {"description": means} if means else {}


def _completed(part: Key | Within, made: type[Any]) -> Key | Within:
    """Give a key the field of its name, and the default of its field, if it has none of its own."""
    if isinstance(part, Within):
        return part
    name = part.field or part.name
    default = part.default
    if default is _NO_DEFAULT:
        field = next(field for field in fields(made) if field.name == name)
        default = field.default if field.default_factory is MISSING else field.default_factory()
    return replace(part, field=name, default=_NO_DEFAULT if default is MISSING else default)
