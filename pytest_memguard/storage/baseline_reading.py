"""Reads a baseline with the YAML parser, and reports errors with the line and what is accepted there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_memguard.core.entries import Entry, EntrySite, ModuleBaseline
from pytest_memguard.core.errors import BaselineError, nearest
from pytest_memguard.core.metrics import COUNTED_UNITS, METRICS
from pytest_memguard.core.run_results import meter_name
from pytest_memguard.storage.baseline_writing import FORMAT
from pytest_memguard.storage.checked_json import LARGEST_NUMBER
from pytest_memguard.storage.yaml_reading import UnreadableYamlError, line_of, read_yaml

_LEAKS = "leaks_per_1000_calls"
_TOP_KEYS = ("format", "meter", "made_with", "tests")
_ENTRY_KEYS = (*METRICS, _LEAKS, "meter", "spread", "note", "sites")
_SITE_KEYS = ("at", "peak", "retained")
_COUNT = "a whole number that is not negative, such as 2_694_911"
_SITE_EXAMPLE = '{at: "shop/cache.py:put", peak: 72}'
_LONGEST_SHOWN = 80


class WrongContentError(Exception):
    """Readable YAML that is not a baseline: the place in it, and what is accepted there."""

    def __init__(self, path: tuple[str | int, ...], problem: str) -> None:
        super().__init__(problem)
        self.path = path
        self.problem = problem


def parse_module(module: str, text: str, path: Path) -> ModuleBaseline:
    """Read the text of a file; `BaselineError` names the file, the line and the key."""
    try:
        return check_module(module, read_yaml(text))
    except UnreadableYamlError as error:
        raise BaselineError.at(path, error.line, error.problem) from error
    except WrongContentError as error:
        place = " > ".join(_shown(part) for part in error.path)
        problem = f"{place} {error.problem}" if place else error.problem
        raise BaselineError.at(path, line_of(text, error.path), problem) from error


def check_module(module: str, content: object) -> ModuleBaseline:
    """Turn what was read into a baseline; `WrongContentError` names the place and what is accepted."""
    top = _mapping(content, (), _TOP_KEYS, "a baseline")
    _check_format(top)
    made_with = _mapping(top.get("made_with", {}), ("made_with",), None, "made_with")
    meter = _text(top.get("meter", ""), ("meter",))
    tests = top.get("tests", {})
    entries = {
        key: _entry(value, ("tests", key), meter_name(meter))
        for key, value in _mapping({} if tests == "" else tests, ("tests",), None, "tests").items()
    }
    return ModuleBaseline(
        module=module,
        meter=meter,
        made_with={name: _text(value, ("made_with", name)) for name, value in made_with.items()},
        entries=entries,
    )


def _check_format(top: Mapping[str, object]) -> None:
    if "format" not in top:
        raise WrongContentError((), f"has no format; accepted is 'format: {FORMAT}' as its first key")
    written = top["format"]
    if isinstance(written, int) and written > FORMAT:
        raise WrongContentError(
            ("format",),
            f"is {written}, made by a later pytest-memguard; this one reads {FORMAT}: "
            "upgrade it with `pip install -U pytest-memguard`",
        )
    if written != FORMAT:
        raise WrongContentError(("format",), f"is {written!r}; accepted is {FORMAT}")


def _entry(value: object, path: tuple[str | int, ...], meter: str) -> Entry:
    written = _mapping(value, path, _ENTRY_KEYS, "an entry")
    metrics = {name: _count(written[name], (*path, name)) for name in METRICS if name in written}
    if not metrics:
        raise WrongContentError(path, f"has no metric; accepted is at least one of {', '.join(METRICS)}")
    counts, spread = written.get(_LEAKS), written.get("spread")
    note = written.get("note", "")
    sites = written.get("sites")
    return Entry(
        metrics=metrics,
        spread=_counts(spread, (*path, "spread"), tuple(METRICS)) if spread is not None else {},
        note=note if isinstance(note, str) else _text(note, (*path, "note")),
        sites=_sites(sites, (*path, "sites")) if sites is not None else (),
        leaks_per_1000_calls=_counts(counts, (*path, _LEAKS), COUNTED_UNITS) if counts is not None else {},
        meter=_text(written.get("meter", meter), (*path, "meter")),
    )


def _counts(value: object, path: tuple[str | int, ...], known: tuple[str, ...]) -> dict[str, int]:
    counts = _mapping(value, path, known, str(path[-1]))
    return {name: _count(count, (*path, name)) for name, count in counts.items()}


def _sites(value: object, path: tuple[str | int, ...]) -> tuple[EntrySite, ...]:
    if not isinstance(value, list):
        raise WrongContentError(path, f"is {_kind(value)}; accepted is a list of sites")
    return tuple(_site(site, (*path, number)) for number, site in enumerate(value))


def _site(value: object, path: tuple[str | int, ...]) -> EntrySite:
    site = _mapping(value, path, _SITE_KEYS, "a site")
    if "at" not in site:
        raise WrongContentError(path, f"has no 'at'; accepted is a site such as {_SITE_EXAMPLE}")
    return EntrySite(
        at=_text(site["at"], (*path, "at")),
        peak_bytes=_count(site.get("peak", 0), (*path, "peak")),
        retained_bytes=_count(site.get("retained", 0), (*path, "retained")),
    )


def _mapping(
    value: object, path: tuple[str | int, ...], known: tuple[str, ...] | None, what: str
) -> dict[str, object]:
    if not isinstance(value, dict):
        raise WrongContentError(path, f"is {_kind(value)}; accepted is a mapping")
    if known is not None:
        for key in value:
            if key not in known:
                raise WrongContentError((*path, key), f"is not a key of {what}, {nearest(key, known)}")
    return value


def _count(value: object, path: tuple[str | int, ...]) -> int:
    if isinstance(value, int) and 0 <= value <= LARGEST_NUMBER:
        return value
    raise WrongContentError(path, f"is {_kind(value)}; accepted is {_COUNT}")


def _text(value: object, path: tuple[str | int, ...]) -> str:
    if isinstance(value, str):
        return value
    raise WrongContentError(path, f"is {_kind(value)}; accepted is a text")


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return _shortened(repr(value))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _shown(part: str | int) -> str:
    text = str(part + 1) if isinstance(part, int) else part
    text = text if text.isprintable() else ascii(text)
    return _shortened(text)
