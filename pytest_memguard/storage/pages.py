"""Writes HTML pages, each in one step."""

from __future__ import annotations

from pathlib import Path

from pytest_memguard.core.errors import MemguardError, cause_of
from pytest_memguard.storage.atomic import write_atomic


class PageError(MemguardError):
    """A page that cannot be written."""

    slug = "page"


def write_page(path: Path, text: str) -> None:
    """Write a page; raises `PageError` where that is impossible."""
    try:
        write_atomic(path, text)
    except (OSError, ValueError) as error:
        reason = cause_of(error)
        raise PageError(f"{path} cannot be written: {reason}. Name another file for the page.") from error
