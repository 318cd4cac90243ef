"""What a run and the interpreter of a fresh test send each other, as JSON files."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sample import Sample
from pytest_memguard.core.settings import Settings


@dataclass(frozen=True, slots=True)
class FreshSampling:
    """What one interpreter measures."""

    counted: bool = False
    """Whether allocations are counted."""
    only_body: bool = False
    """Whether the sample is the call alone, without the imports and the fixtures."""
    near_bytes: int | None = None
    """The peak near which the meter looks on, to name its lines."""
    traced_calls: int = 0
    """Over how many calls to trace, in place of the leak check: what the body settles at, and its lines."""


@dataclass(frozen=True, slots=True)
class FreshRequest:
    """The test that an interpreter runs, and how."""

    sys_path: tuple[str, ...]
    arguments: tuple[str, ...]
    """The command line of its pytest."""
    options: dict[str, object]
    """What the project's own options are set to."""
    report_path: str
    """Where it writes its `FreshResult`."""
    bytecode_folder: str
    """Where it keeps the bytecode of what it imports; empty for beside the source."""
    root: str
    settings: Settings
    policy: Policy
    sampling: FreshSampling


@dataclass(frozen=True, slots=True)
class FreshResult:
    """What a test did in its own interpreter: how it ended, and what was measured if it passed."""

    outcome: str
    """`passed`, `failed`, `skipped` or `xfailed`."""
    message: str = ""
    error: str = ""
    """The error of a failed test, in one line."""
    notes: tuple[str, ...] = ()
    sections: tuple[tuple[str, str], ...] = ()
    """Captured output: the title and the text of each section."""
    sample: Sample | None = None
    leak: LeakFinding | None = None

    @property
    def ending(self) -> str:
        """How the test ended, in one line."""
        return self.message.splitlines()[0] if self.message else self.outcome
