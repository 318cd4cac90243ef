"""A quick reader for baselines as memguard writes them: ten times faster than any YAML parser.

A run loads every entry that it judges, and there may be thousands. Text that differs from what memguard
writes, as in files that were edited by hand, is left to the parser. What this reader reads, the parser
reads the same; a test compares both on generated and damaged files.
"""

from __future__ import annotations

import re

from pytest_memguard.core.entries import Entry, EntrySite, ModuleBaseline
from pytest_memguard.core.metrics import METRICS
from pytest_memguard.core.run_results import meter_name
from pytest_memguard.storage.baseline_writing import FORMAT
from pytest_memguard.storage.checked_json import LARGEST_NUMBER

_LONGEST_LINE = 1000  # well below the 1,024 characters at which YAML ends simple keys
_INT = "(0|[1-9][0-9]{0,17}(?:_[0-9]{1,17}){0,8})"
_NAMES = "|".join(METRICS)
_PLAIN = r"[^\W\d](?:[^ :#\n]|:(?=[^ \n])| (?=[^ #\n]))*"
_VERSION = r"[A-Za-z_][A-Za-z0-9_.+-]*|[0-9]+\.[0-9]+\.[A-Za-z0-9_.+-]*"
_HEAD = re.compile(rf"(?:# .*\n)?format: {FORMAT}(?:\nmeter: ({_PLAIN}))?(?:\nmade_with: \{{(.+)\}})?")
_MADE_WITH = re.compile(rf'([A-Za-z_][A-Za-z0-9_.+-]*): (?:({_VERSION})|"([^"\\]*)")')
_LINE = re.compile(
    rf"""^(?:    (?:({_NAMES}): {_INT}"""
    rf"""|- \{{at: ("[^"\\\n]*")(?:, peak: {_INT})?(?:, retained: {_INT})?\}}"""
    r"""|(sites:|note: .+|spread: .+))"""
    r"""|  ([^\W\d](?:[^ :#\n]|:(?=[^ \n]))*|"[^"\\\n]*"):)$""",
    re.MULTILINE,
)
_NOTE = re.compile(rf'note: (?:({_PLAIN})|"([^"\\]*)")')
_SPREAD = re.compile(rf"spread: \{{((?:{_NAMES}): {_INT}(?:, (?:{_NAMES}): {_INT})*)\}}")


class _Unknown(Exception):  # noqa: N818 -- not an error: the parser takes over
    """A line that this reader does not know."""


def read_quickly(module: str, text: str) -> ModuleBaseline | None:
    """Return the entries of a module; None for what only the parser can read, or refuse."""
    head, found, body = text.partition("\ntests:\n")
    if not found or not text.replace("\n", "").isprintable() or not body.endswith("\n"):
        return None
    known = _HEAD.fullmatch(head)
    lines = _LINE.findall(body)
    # Each token is one whole line, so as many tokens as lines means that all are known.
    if known is None or len(lines) != body.count("\n"):
        return None
    try:
        meter = known.group(1) or ""
        return ModuleBaseline(
            module,
            meter=meter,
            made_with=_made_with(known.group(2) or ""),
            entries=_entries(lines, meter_name(meter)),
        )
    except _Unknown:
        return None


def _made_with(written: str) -> dict[str, str]:
    parts = [_MADE_WITH.fullmatch(part) for part in written.split(", ")] if written else []
    versions = {part.group(1): part.group(2) or part.group(3) or "" for part in parts if part is not None}
    if len(versions) != len(parts):
        raise _Unknown
    return versions


def _entries(lines: list[tuple[str, ...]], meter: str) -> dict[str, Entry]:
    """Join lines to entries: a key, its facts, and its sites last."""
    entries: dict[str, Entry] = {}
    lines.reverse()
    while lines:
        *_, written = lines.pop()
        key = written[1:-1] if written.startswith('"') else written
        if not written or key in entries or len(key) > _LONGEST_LINE:
            raise _Unknown
        entries[key] = _entry(lines, meter)
    return entries


def _entry(lines: list[tuple[str, ...]], meter: str) -> Entry:
    metrics: dict[str, int] = {}
    spread: dict[str, int] = {}
    note: str | None = None
    sites: list[EntrySite] = []
    while lines and not lines[-1][6]:
        name, written, _, _, _, other, _ = lines.pop()
        if name and name not in metrics:
            metrics[name] = _int(written)
        elif other == "sites:":
            while lines and lines[-1][2]:
                _, _, at, peak, retained, _, _ = lines.pop()
                sites.append(EntrySite(at[1:-1], _int(peak), _int(retained)))
            if not sites:
                raise _Unknown
            break  # nothing is written after the sites
        elif other.startswith("note: ") and note is None:
            note = _note(other)
        elif other.startswith("spread: ") and not spread:
            spread = _spread(other)
        else:
            raise _Unknown
    if not metrics:
        raise _Unknown
    return Entry(metrics=metrics, spread=spread, note=note or "", sites=tuple(sites), meter=meter)


def _int(written: str | None) -> int:
    value = int(written) if written else 0
    if value > LARGEST_NUMBER:
        raise _Unknown
    return value


def _note(line: str) -> str:
    match = _NOTE.fullmatch(line)
    if match is None:
        raise _Unknown
    return match.group(1) or match.group(2) or ""


def _spread(line: str) -> dict[str, int]:
    match = _SPREAD.fullmatch(line)
    if match is None:
        raise _Unknown
    parts = [part.split(": ") for part in match.group(1).split(", ")]
    spread = {part[0]: _int(part[1]) for part in parts if len(part) > 1}
    if len(spread) != len(parts):
        raise _Unknown
    return spread
