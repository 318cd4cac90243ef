"""The table of the neighbours in the documentation, written from how their stages ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.ecosystem.neighbour import Neighbour, Stage
from tests.ecosystem.neighbours import NEIGHBOURS

_STAGES = tuple(stage.value for stage in Stage)
_TITLES = ("neighbour", "versions", *_STAGES, "")
_START = "| neighbour |"


@dataclass(frozen=True)
class StageReport:
    """How one stage of a neighbour ended."""

    name: str
    stage: str
    versions: str
    passed: bool


def write_table(page: Path, reports: Iterable[StageReport]) -> None:
    """Write these reports into the table of a page; stages that were not tried keep what it says of them."""
    text = page.read_text(encoding="utf-8")
    before, _, old = text.partition(_START)
    cells = {row["neighbour"]: row for row in map(_cells, old.splitlines()) if row}
    for report in reports:
        row = cells.setdefault(report.name, {})
        row["versions"] = report.versions
        row[report.stage] = _word(report)
    page.write_text(f"{before}{table(cells)}", encoding="utf-8")


def table(cells: Mapping[str, Mapping[str, str]]) -> str:
    """Return the table, a row for each neighbour."""
    lines = [_line(_TITLES), "|---" * len(_TITLES) + "|"]
    for neighbour in NEIGHBOURS:
        row = cells.get(neighbour.name, {})
        told = [row.get(title, "") for title in ("versions", *_STAGES)]
        lines.append(_line((neighbour.name, *told, _remark(neighbour))))
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(line: str) -> dict[str, str]:
    parts = [part.strip() for part in line.strip().strip("|").split("|")]
    return dict(zip(_TITLES, parts, strict=False)) if len(parts) >= len(_TITLES) - 1 else {}


def _word(report: StageReport) -> str:
    if not report.passed:
        return "**wrong**"
    neighbour = next(one for one in NEIGHBOURS if one.name == report.name)
    return "said" if Stage(report.stage) in neighbour.answers else "ok"


def _remark(neighbour: Neighbour) -> str:
    answers = [answer for stage in neighbour.answers.values() for answer in stage]
    said = [f"{answer.outcome}: {answer.reason}" for answer in answers]
    return "; ".join(dict.fromkeys([*said, *neighbour.wrong.values(), *neighbour.doubtful.values()]))
