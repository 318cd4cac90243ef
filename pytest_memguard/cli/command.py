"""What a command is, without the library that parses it: one file a command, listed in `cli`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_memguard.core.settings import Settings

RESULTS = Path(".memguard", "results", "last.json")
"""Where a run leaves its results, below the project's root."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option: `flag` takes no value, `many` may be repeated, `value` names what it takes."""

    name: str
    help: str
    flag: bool = False
    many: bool = False
    value: str = "TEXT"
    choices: tuple[str, ...] = ()
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional argument; `many` takes any number, also none."""

    name: str
    many: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command: the project it works on, what was given, and where its lines go.

    `paint` colours a text where colours are wanted and returns it unchanged elsewhere.
    """

    root: Path
    settings: Settings
    write: Callable[[str], None]
    paint: Callable[[str, str], str] = field(default=lambda text, _colour: text)
    values: Mapping[str, object] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        """Return whether a flag was given."""
        return bool(self.values.get(name))

    def text(self, name: str) -> str | None:
        """Return the value of an option that takes one."""
        value = self.values.get(name)
        return None if value is None else str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the values of an option or argument that may be repeated."""
        value = self.values.get(name)
        return tuple(str(part) for part in value) if isinstance(value, (list, tuple)) else ()

    @property
    def baseline_directory(self) -> Path:
        """The baseline folder: `--baseline`, else the settings' one, relative to the root."""
        return self.root / (self.text("baseline") or self.settings.baseline_dir)

    @property
    def results_paths(self) -> list[Path]:
        """The results files given by `--from`, else the last run's."""
        given = self.texts("from")
        return [Path(path) for path in given] if given else [self.root / RESULTS]


@dataclass(frozen=True, slots=True)
class Command:
    """A command: `run` writes its lines and returns its exit code; errors are `MemguardError`."""

    help: str
    run: Callable[[Call], int]
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()


PATTERNS = Argument("patterns", many=True, required=False)
BASELINE = Option("baseline", "Folder of the baseline, instead of the settings' one.", value="DIR")
DRY_RUN = Option("dry-run", "Say what would change, and change nothing.", flag=True)
FROM = Option(
    "from",
    "A results file instead of the last run's; may be repeated, shards are merged.",
    many=True,
    value="FILE",
)
