"""The formats in which results are shown, by name; all have one interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from pytest_memguard.core.run_results import RunResults


class Report(Protocol):
    """A format in which the results of a run are shown."""

    def lines(self, results: RunResults, *, width: int) -> Iterator[str]:
        """Yield the lines of the report; names are escaped for the place where it is shown."""
        ...


class Document(Protocol):
    """A format that shows several runs in one document."""

    def page(self, *runs: RunResults) -> str:
        """Return the document of one run, or of the runs of several environments."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its class as `module:name`, imported when it is needed, and who reads it.

    One that `marks_lines` needs the path of a file in the repository. Several runs follow each other,
    or are one document with one beginning and one end.
    """

    made_by: str
    reader: str = ""
    marks_lines: bool = False
    is_document: bool = False

    def report(self, **options: object) -> Report | Document:
        """Return the report, with options of its class such as `locate`."""
        module, _, class_name = self.made_by.partition(":")
        made: Report | Document = getattr(import_module(f"pytest_memguard.reports.{module}"), class_name)(
            **options
        )
        return made


FORMATS: Mapping[str, Format] = {
    "text": Format("text:TextReport", "a terminal"),
    "markdown": Format("markdown:MarkdownReport", "GitHub or GitLab"),
    "html": Format("html.page:HtmlReport", "a browser", is_document=True),
    "annotations": Format("annotations:AnnotationsReport", "GitHub's source lines", marks_lines=True),
    "openmetrics": Format("openmetrics:OpenMetricsReport", "Prometheus", is_document=True),
    "junit": Format("junit:JUnitReport", is_document=True),
    "gitlab": Format("code_scanning:GitlabReport", "its code quality", marks_lines=True, is_document=True),
    "sarif": Format("code_scanning:SarifReport", "code scanners", marks_lines=True, is_document=True),
}
"""Every format by its name."""


def report_lines(
    name: str, runs: Sequence[RunResults], *, width: int, locate: Callable[[str], str | None]
) -> Iterator[str]:
    """Yield the lines of runs of several environments in a format.

    `locate` turns a file of the project into its path in the repository, where the format marks lines.
    """
    form = FORMATS[name]
    chosen = form.report(**({"locate": locate} if form.marks_lines else {}))
    if form.is_document:
        yield from cast("Document", chosen).page(*runs).splitlines()
        return
    for results in runs:
        yield from cast("Report", chosen).lines(results, width=width)
