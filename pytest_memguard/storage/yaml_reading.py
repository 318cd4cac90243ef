"""Reads the subset of YAML that memguard uses: mappings, lists, texts and whole numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from pytest_memguard.storage.bounded_reading import UnreadableTextError

MAX_DEPTH = 32
_TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"
_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,17}(?:_[0-9]{1,17}){0,8})")
_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: .*)?$|^={7}$", re.MULTILINE)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where libyaml is there


class UnreadableYamlError(UnreadableTextError):
    """A text that is not the YAML memguard accepts: the line, counted from one, and why."""


def read_yaml(text: str) -> object:
    """Read one document of dicts, lists, texts and ints; `UnreadableYamlError` names the line.

    Plain whole numbers (`2_694_911`) become ints; every other scalar is a text, also `true`,
    `null` and `1.5`. Tags, aliases, duplicate keys and further documents are refused.
    """
    return _Reader(text).document()


def line_of(text: str, path: tuple[str | int, ...]) -> int:
    """Return the line of a text that `read_yaml` accepts on which a key or list element stands."""
    reader = _Reader(text)
    reader.document()
    while path and path not in reader.lines:
        path = path[:-1]
    return reader.lines.get(path, 1)


class _Reader:
    """One pass over the parser's events: no constructor of yaml ever runs."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.lines: dict[tuple[object, ...], int] = {}
        self._line = 1
        self._events = self._checked_events()

    def document(self) -> object:
        """Return the only document of the text; an empty text is an empty mapping."""
        try:
            event = next(self._events, None)
            value = {} if event is None else self._node(event, ())
            next(self._events, None)  # raises where a second document begins
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark is not None else self._line
            raise UnreadableYamlError(line, _problem_of(error)) from error
        except yaml.YAMLError as error:  # a reader error: characters that YAML does not allow
            position = getattr(error, "position", 0)
            line = self._text.count("\n", 0, position) + 1
            raise UnreadableYamlError(line, f"is not YAML: {getattr(error, 'reason', error)}") from error
        return value

    def _checked_events(self) -> Iterator[yaml.Event]:
        conflict = _CONFLICT.search(self._text)
        if conflict:
            raise UnreadableYamlError(
                self._text.count("\n", 0, conflict.start()) + 1,
                f"is a merge-conflict marker ({conflict.group().strip()})",
            )
        documents = 0
        for event in yaml.parse(self._text, Loader=_LOADER):
            mark = event.start_mark
            self._line = self._line if mark is None else mark.line + 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise UnreadableYamlError(
                    self._line, "uses an anchor or alias (& or *), which is not accepted"
                )
            tag = getattr(event, "tag", None)
            if tag:
                raise UnreadableYamlError(self._line, f"uses the tag {tag!r}, which is not accepted")
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise UnreadableYamlError(self._line, "a second document begins here; accepted is one")
            if isinstance(event, (yaml.NodeEvent, yaml.CollectionEndEvent)):
                yield event

    def _node(self, event: yaml.Event, path: tuple[object, ...]) -> object:
        self.lines.setdefault(path, self._line)
        if len(path) > MAX_DEPTH:
            raise UnreadableYamlError(self._line, _TOO_DEEP)
        if isinstance(event, yaml.ScalarEvent):
            plain = event.style in (None, "")
            return int(event.value) if plain and _INT.fullmatch(event.value) else event.value
        return self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._sequence(path)

    def _mapping(self, path: tuple[object, ...]) -> dict[str, object]:
        mapping: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise UnreadableYamlError(self._line, "a key is a list or a mapping; accepted is a text")
            key = event.value
            if key in mapping:
                raise UnreadableYamlError(self._line, f"the key {key!r} occurs twice")
            place = (*path, key)
            self.lines[place] = self._line
            mapping[key] = self._node(next(self._events), place)
        return mapping

    def _sequence(self, path: tuple[object, ...]) -> list[object]:
        sequence: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            sequence.append(self._node(event, (*path, len(sequence))))
        return sequence


def _problem_of(error: yaml.MarkedYAMLError) -> str:
    # libyaml looks some way ahead: since 0.2.6 it may meet its own limit of nesting before we do
    if "nesting depth" in str(error.problem):
        return _TOO_DEEP
    return f"is not YAML: {error.problem or error.context}"
