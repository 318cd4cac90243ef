"""The pages of the documentation, and the first columns of their tables."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
_CODE = re.compile(r"`([^`]+)`")


def text_of(page: str) -> str:
    """Return a page of the reference."""
    return (ROOT / "docs/reference" / f"{page}.md").read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """Return what stands below a heading, up to the next one of any level."""
    return re.split(r"^#+ ", text.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def first_column(text: str) -> list[str]:
    """Return the names, set as code, in the first cell of each row of a text's tables."""
    rows = [line.replace(r"\|", "/") for line in text.splitlines() if line.startswith("|")]
    return [name for row in rows for name in _CODE.findall(row.split("|")[1])]
