"""One module's baseline as text: what is accepted in the file, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_memguard.errors import nearest
from pytest_memguard.model import METRICS, Entry, EntrySite
from pytest_memguard.storage.yaml_text import write_flow, write_key, write_quoted, write_text

FORMAT = 1
_TOP_KEYS = ("format", "meter", "made_with", "tests")
_ENTRY_KEYS = (*METRICS, "spread", "note", "sites")
_SITE_KEYS = ("at", "peak", "retained")
_COUNT = "a whole number that is not negative, such as 2_694_911"
_SITE_EXAMPLE = '{at: "shop/cache.py:put", peak: 72}'
_LARGEST = 2**63 - 1
_LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class ModuleBaseline:
    """The accepted entries of one test module in one environment.

    `entries` is keyed by what follows the first `::` of a node id; `meter` and `made_with` say
    how the numbers were taken.
    """

    module: str
    meter: str = ""
    made_with: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)


class WrongContentError(Exception):
    """Readable YAML that is no baseline: where in it, and what is accepted there."""

    def __init__(self, path: tuple[str | int, ...], problem: str) -> None:
        super().__init__(problem)
        self.path = path
        self.problem = problem


def module_text(baseline: ModuleBaseline) -> str:
    """Write the canonical text; `ValueError` where a name cannot be written as UTF-8."""
    shown = baseline.module if baseline.module.isprintable() else ascii(baseline.module)
    lines = [
        f"# Accepted memory of {shown}. Change it with `memguard accept`; review it like code.",
        f"format: {FORMAT}",
    ]
    if baseline.meter:
        lines.append(f"meter: {write_text(baseline.meter)}")
    if baseline.made_with:
        lines.append(f"made_with: {write_flow(dict(sorted(baseline.made_with.items())))}")
    lines.append("tests:")
    for key in sorted(baseline.entries):
        lines.append(write_key(key, "  "))
        _write_entry(baseline.entries[key], lines)
    return "\n".join(lines) + "\n"


def _write_entry(entry: Entry, lines: list[str]) -> None:
    lines.extend(f"    {name}: {entry.metrics[name]:_}" for name in METRICS if name in entry.metrics)
    if entry.spread:
        spread = {name: entry.spread[name] for name in METRICS if name in entry.spread}
        lines.append(f"    spread: {write_flow(spread)}")
    if entry.note:
        lines.append(f"    note: {write_text(entry.note)}")
    if entry.sites:
        lines.append("    sites:")
    for site in entry.sites:
        held = {"peak": site.peak_bytes, "retained": site.retained_bytes}
        parts = "".join(f", {name}: {size:_}" for name, size in held.items() if size)
        lines.append(f"    - {{at: {write_quoted(site.at)}{parts}}}")


def check_module(module: str, content: object) -> ModuleBaseline:
    """Turn what was read into a baseline; `WrongContentError` names the place and what is accepted."""
    top = _mapping(content, (), _TOP_KEYS, "a baseline")
    _check_format(top)
    made_with = _mapping(top.get("made_with", {}), ("made_with",), None, "made_with")
    tests = top.get("tests", {})
    entries = {
        key: _entry(value, ("tests", key))
        for key, value in _mapping({} if tests == "" else tests, ("tests",), None, "tests").items()
    }
    return ModuleBaseline(
        module=module,
        meter=_text(top.get("meter", ""), ("meter",)),
        made_with={name: _text(value, ("made_with", name)) for name, value in made_with.items()},
        entries=entries,
    )


def _check_format(top: Mapping[str, object]) -> None:
    if "format" not in top:
        raise WrongContentError((), f"says no format; accepted is 'format: {FORMAT}' as its first key")
    written = top["format"]
    if isinstance(written, int) and written > FORMAT:
        raise WrongContentError(
            ("format",),
            f"is {written}, made by a later pytest-memguard; this one reads {FORMAT}: "
            "upgrade it with `pip install -U pytest-memguard`",
        )
    if written != FORMAT:
        raise WrongContentError(("format",), f"is {written!r}; accepted is {FORMAT}")


def _entry(value: object, path: tuple[str | int, ...]) -> Entry:
    written = _mapping(value, path, _ENTRY_KEYS, "an entry")
    metrics = {name: _count(written[name], (*path, name)) for name in METRICS if name in written}
    if not metrics:
        raise WrongContentError(path, f"has no metric; accepted is at least one of {', '.join(METRICS)}")
    spread = written.get("spread")
    note = written.get("note", "")
    sites = written.get("sites")
    return Entry(
        metrics=metrics,
        spread=_spread(spread, (*path, "spread")) if spread is not None else {},
        note=note if isinstance(note, str) else _text(note, (*path, "note")),
        sites=_sites(sites, (*path, "sites")) if sites is not None else (),
    )


def _spread(value: object, path: tuple[str | int, ...]) -> dict[str, int]:
    spread = _mapping(value, path, METRICS, "spread")
    return {name: _count(size, (*path, name)) for name, size in spread.items()}


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
                raise WrongContentError((*path, key), f"is no key of {what}, {nearest(key, known)}")
    return value


def _count(value: object, path: tuple[str | int, ...]) -> int:
    if isinstance(value, int) and 0 <= value <= _LARGEST:
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
    return shortened(repr(value))


def shortened(text: str) -> str:
    """Cut a text that is too long for a message."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
