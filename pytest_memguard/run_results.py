"""What a run leaves behind: its results, which every reader after the run works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_memguard.model import Measurement, Outcome, Verdict


@dataclass(frozen=True, slots=True)
class TestResult:
    """One guarded test, or one region of it, as the results file keeps it.

    `id` is the node id, with `::region` appended for a region. `fails` says that this
    outcome is in the run's `fail_on`.
    """

    __test__ = False

    id: str
    verdict: Verdict
    measurement: Measurement | None = None
    fails: bool = False
    hints: tuple[str, ...] = ()
    note: str = ""

    @property
    def outcome(self) -> Outcome:
        """The verdict's outcome."""
        return self.verdict.outcome


@dataclass(frozen=True, slots=True)
class RunProblem:
    """Something wrong with the run as a whole: a word, a sentence, and whether it fails the run."""

    kind: str
    sentence: str
    fails: bool


@dataclass(frozen=True, slots=True)
class RunResults:
    """One run, or several merged: what every reader after the run works with.

    `meter` says what measured and what it sees, as in `memray (python allocators traced)`.
    `made_with` maps a name (`python`, `memray`) to a version. `problems` are sentences about
    the run as a whole (no guarded test, no baseline for this environment), each with whether
    it fails the run.
    """

    environment: str
    tests: tuple[TestResult, ...]
    meter: str = ""
    made_with: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[RunProblem, ...] = ()
    advisory: bool = False
    baseline_dir: str = ".memguard/baseline"


def meter_name(label: str) -> str:
    """Return the name of a meter without what it sees.

    >>> meter_name("memray (python allocators traced)")
    'memray'
    """
    return label.partition(" ")[0]
