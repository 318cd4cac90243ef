"""Writes the workflow commands of a step: outputs, summary and messages; and blocks those of test code."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_memguard.reports.annotations import Annotation

SUMMARY_LIMIT_BYTES = 1024 * 1024


def write_outputs(values: Mapping[str, str]) -> None:
    """Set the step's outputs, each with a new random delimiter, so that no value can contain it."""
    path = os.environ.get("GITHUB_OUTPUT")
    if not path:
        return
    with Path(path).open("a", encoding="utf-8") as file:
        file.writelines(output_block(name, value) for name, value in values.items())


def output_block(name: str, value: str) -> str:
    """Return one output as the runner reads it."""
    delimiter = f"memguard_{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def append_summary(markdown: str) -> bool:
    """Append to the job summary; return whether it fitted beside what the step has written there already."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return True
    summary = Path(path)
    already = summary.stat().st_size if summary.exists() else 0
    if already + len(markdown.encode()) > SUMMARY_LIMIT_BYTES:
        return False
    with summary.open("a", encoding="utf-8") as file:
        file.write(markdown)
    return True


def say(annotation: Annotation) -> None:
    """Print one workflow command."""
    sys.stdout.write(f"{annotation}\n")
    sys.stdout.flush()


def error(message: str, *, title: str = "memguard") -> None:
    """Print an error annotation without a place."""
    say(Annotation("error", message, title))


def notice(message: str) -> None:
    """Print a notice annotation without a place."""
    say(Annotation("notice", message))


@contextlib.contextmanager
def commands_stopped() -> Iterator[None]:
    """Open a context in which printed workflow commands are ignored; the word that ends it is secret."""
    word = secrets.token_hex(32)
    sys.stdout.write(f"::stop-commands::{word}\n")
    sys.stdout.flush()
    try:
        yield
    finally:
        # After a line that the child did not end, the word would not count, and commands would stay stopped.
        sys.stdout.write(f"\n::{word}::\n")
        sys.stdout.flush()
