"""Shows what a run found, in one contract for every format: each asks the verdicts and computes none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Protocol, cast

from pytest_memguard.core.verdict import RunResults


class Report(Protocol):
    """A format in which the results of a run are shown."""

    def lines(self, results: RunResults, *, width: int) -> Iterator[str]:
        """Yield the lines of the report; names in them are harmless for the place where it is shown."""
        ...


FORMATS: Mapping[str, str] = {
    "text": "pytest_memguard.reports.text:TextReport",
    "markdown": "pytest_memguard.reports.markdown:MarkdownReport",
    "html": "pytest_memguard.reports.html.page:HtmlReport",
    "annotations": "pytest_memguard.reports.annotations:AnnotationsReport",
}
"""Every format by its name, with its class, which is loaded when it is asked for."""


def report(name: str) -> Report:
    """Return the report of a format; it is made as it is without any option."""
    module, _, class_name = FORMATS[name].partition(":")
    return cast("Report", getattr(import_module(module), class_name)())
