"""Shows the results of a run; all formats have one interface, and show verdicts without computing any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Protocol, cast, runtime_checkable

from pytest_memguard.core.verdict import RunResults


class Report(Protocol):
    """A format in which the results of a run are shown."""

    def lines(self, results: RunResults, *, width: int) -> Iterator[str]:
        """Yield the lines of the report; names are escaped for the place where it is shown."""
        ...


@runtime_checkable
class Document(Report, Protocol):
    """A format that shows several runs in one document."""

    def page(self, *runs: RunResults) -> str:
        """Return the document of one run, or of the runs of several environments."""
        ...


FORMATS: Mapping[str, str] = {
    "text": "pytest_memguard.reports.text:TextReport",
    "markdown": "pytest_memguard.reports.markdown:MarkdownReport",
    "html": "pytest_memguard.reports.html.page:HtmlReport",
    "annotations": "pytest_memguard.reports.annotations:AnnotationsReport",
    "openmetrics": "pytest_memguard.reports.openmetrics:OpenMetricsReport",
    "junit": "pytest_memguard.reports.junit:JUnitReport",
    "gitlab": "pytest_memguard.reports.findings:GitlabReport",
    "sarif": "pytest_memguard.reports.findings:SarifReport",
}
"""Every format by its name, with its class, which is imported when it is needed."""


_ONE_BY_ONE = ("text", "markdown", "annotations")
"""Formats that show one run after the other; all others are documents, with one beginning and one end."""


def report(name: str, **options: object) -> Report:
    """Return the report of a format, with options of its class such as `locate`."""
    module, _, class_name = FORMATS[name].partition(":")
    return cast("Report", getattr(import_module(module), class_name)(**options))


def told(
    name: str, runs: Sequence[RunResults], *, width: int, locate: Callable[[str], str | None]
) -> Iterator[str]:
    """Yield the lines of runs of several environments in a format.

    `locate` turns a file of the project into its path in the repository, where the format marks lines.
    """
    chosen = report(name, **({"locate": locate} if name in _LOCATING else {}))
    if name not in _ONE_BY_ONE and isinstance(chosen, Document):
        yield from chosen.page(*runs).splitlines()
        return
    for results in runs:
        yield from chosen.lines(results, width=width)


_LOCATING = ("annotations", "gitlab", "sarif")
