"""Adds the source text to the lines of a verdict, without filling the interpreter's cache of sources."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pytest_memguard.core.verdict import GrownSite, Verdict

_LONGEST = 80


def with_source(verdict: Verdict, root: Path) -> Verdict:
    """Fill in the text of the lines that may have grown, as far as their files can be read below `root`."""
    if not any(site.lines for site in verdict.sites):
        return verdict
    return replace(verdict, sites=tuple(_with_text(site, root) for site in verdict.sites))


def _with_text(site: GrownSite, root: Path) -> GrownSite:
    if not site.lines:
        return site
    with suppress(OSError, UnicodeError):
        source = (root / site.site.file).read_text(encoding="utf-8").splitlines()
        texts = {each.line: source[each.line - 1] for each in site.lines if 0 < each.line <= len(source)}
        return replace(
            site, lines=tuple(replace(each, text=_short(texts.get(each.line, ""))) for each in site.lines)
        )
    return site


def _short(text: str) -> str:
    shown = "".join(character if character.isprintable() else " " for character in text).strip()
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
