"""Plays a Markdown page: writes its files, runs its commands, and with --check compares what they print.

    python examples/play.py docs/tutorial.md            shows the page happening
    python examples/play.py --check docs/tutorial.md    exits with 1 where the page is not true

A page that is an example's README.md is played in a copy of its folder, any other page in an empty
one. What a block is for stands in its first line, after the language:

- `console`: each line that starts with `$ ` is run, the lines below are what it prints. A line
  `...` stands for any lines, `...` inside a line for any text.
- a block with `title="FILE"` is written to that file; so is a comment `<!-- file: FILE` in the page.
- `python` without a title is run as a test module by `pytest --memguard --memguard-advisory`.
- `toml`, `yaml` and `json` without a title must be readable.
- `skip="REASON"` keeps a block from being played.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXACT_ON = "cpython-3.11-linux-x86_64"
"""Where figures must be those of the page; elsewhere only the words must be."""

_FENCE = re.compile(r"^```(\w+)\s*(.*)$")
_HIDDEN = re.compile(r"^<!-- file: (\S+)$")
_OPTION = re.compile(r'(\w+)="([^"]*)"')
_NUMBER = re.compile(r"\d[\d,._]*")
_NOT_COPIED = (".venv", "__pycache__", ".pytest_cache", "results", "profiles", "build", "*.so", "uv.lock")
_TIMEOUT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page, the paragraph above it, and the number of its first line."""

    language: str
    title: str
    skip: str
    lines: tuple[str, ...]
    above: str
    number: int

    @property
    def text(self) -> str:
        """The block as the content of a file."""
        return "\n".join(self.lines) + "\n"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page in their order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    above: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        fence, hidden = _FENCE.match(line), _HIDDEN.match(line)
        if fence is None and hidden is None:
            starts = number == 0 or not lines[number - 1].strip()
            above = above if not line.strip() else [line] if starts else [*above, line]
            number += 1
            continue
        end = lines.index("```" if fence else "-->", number)
        options = dict(_OPTION.findall(fence.group(2))) if fence else {}
        options |= {"title": hidden.group(1)} if hidden else {}
        body = tuple(lines[number + 1 : end])
        language = fence.group(1) if fence else "hidden"
        yield Block(
            language, options.get("title", ""), options.get("skip", ""), body, " ".join(above), number + 1
        )
        above, number = [], end + 1


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a console block with the lines it should print."""
    current: str | None = None
    printed: list[str] = []
    for line in block.lines:
        if line.startswith("$ "):
            if current is not None:
                yield current, printed
            current, printed = line[2:], []
        elif line.startswith("> ") and current is not None and not printed:
            current += "\n" + line[2:]
        else:
            printed.append(line)
    if current is not None:
        yield current, printed


def pattern_of(printed: list[str], *, exact: bool) -> re.Pattern[str]:
    """Return what output must match to be what the page shows; empty lines do not count."""
    parts = []
    for line in printed:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        elif line.strip():
            pieces = [re.escape(piece) for piece in line.rstrip().split("...")]
            if not exact:
                pieces = [_elsewhere(piece) for piece in pieces]
            parts.append(rf"{'.*'.join(pieces)}\s*\n")
    return re.compile("".join(parts))


def _elsewhere(piece: str) -> str:
    """Return the pattern of another platform: other figures, and nothing that was accepted."""
    figures = _NUMBER.sub(r"[\\d,._]+", piece.replace(r"\.", "."))
    return figures.replace(r"\ ok\ ", r"\ (?:ok|no-baseline)\ ")


class Stage:
    """A folder in which a page is played, and what went wrong there."""

    def __init__(self, page: Path, folder: Path, *, check: bool) -> None:
        self._page = page
        self._folder = folder
        self._check = check
        self.complaints: list[str] = []

    def accept_elsewhere(self) -> None:
        """Accept the example's numbers first where the committed ones are of another environment."""
        accepted = self._folder / ".memguard/baseline"
        if accepted.is_dir() and not (accepted / _environment()).is_dir():
            self._run("pytest -q --memguard --memguard-accept", capture=True)

    def play(self) -> None:
        """Play every block of the page."""
        for block in blocks(self._page):
            if block.skip:
                continue
            if block.title:
                self._write(block)
            elif block.language == "console":
                self._console(block)
            elif self._check:
                self._check_block(block)

    def _write(self, block: Block) -> None:
        path = self._folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        if not self._check and block.language != "hidden":
            _tell(block.above)
            print(f"\n--- {block.title}\n{textwrap.indent(block.text, '    ')}", flush=True)

    def _console(self, block: Block) -> None:
        if not self._check:
            _tell(block.above)
        for command, printed in commands(block):
            if not self._check:
                print(f"\n\x1b[1m$ {command}\x1b[0m" if sys.stdout.isatty() else f"\n$ {command}", flush=True)
                self._run(command, capture=False)
                continue
            code, output = self._run(command, capture=True)
            wrong = code if not printed else not self._matches(printed, output)
            if wrong:
                self._complain(block, f"$ {command}\nexit code {code}, printed:\n{output}")

    def _matches(self, printed: list[str], output: str) -> bool:
        lines = [line for line in output.splitlines() if line.strip()]
        pattern = pattern_of(printed, exact=_environment() == EXACT_ON)
        return pattern.fullmatch("".join(f"{line}\n" for line in lines)) is not None

    def _run(self, command: str, *, capture: bool) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self._folder,
            env=_variables(),
            stdout=subprocess.PIPE if capture else None,
            stderr=subprocess.STDOUT if capture else None,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout or ""

    def _check_block(self, block: Block) -> None:
        """Check a block that the page only shows: it must run, or at least be readable."""
        if block.language == "python":
            name = f"test_block_{block.number}.py"
            (self._folder / name).write_text(block.text, encoding="utf-8")
            code, output = self._run(f"pytest -q --memguard --memguard-advisory {name}", capture=True)
            if code:
                self._complain(block, output)
            return
        try:
            _read(block.language, block.text)
        except ValueError as error:
            self._complain(block, str(error))

    def _complain(self, block: Block, text: str) -> None:
        self.complaints.append(f"{self._page}:{block.number}: {text}")


def _read(language: str, text: str) -> None:
    if language == "json":
        json.loads(text)
    elif language == "yaml":
        import yaml  # noqa: PLC0415 - only pages that show YAML need it

        try:
            yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from error
    elif language == "toml":
        from pytest_memguard.core.errors import SettingsError  # noqa: PLC0415 - only pages that show settings need it
        from pytest_memguard.core.settings import settings_from  # noqa: PLC0415 - the same

        toml = __import__("tomllib" if sys.version_info >= (3, 11) else "tomli")
        try:
            settings_from(toml.loads(text).get("tool", {}).get("memguard", {}), "the page")
        except SettingsError as error:
            raise ValueError(str(error)) from error
    elif language == "mermaid":
        if not text.startswith("flowchart "):
            raise ValueError("a mermaid block of these pages is a flowchart")
    else:
        raise ValueError(f"nobody knows how to check a block of {language!r}")


def _environment() -> str:
    from pytest_memguard.core.environment import environment_key  # noqa: PLC0415 - only a check needs it

    return environment_key()


def _variables() -> dict[str, str]:
    """Return the variables of a reader's terminal: this Python first, and nothing of a CI or of pytest."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_CURRENT", "PYTEST_XDIST", "PYTEST_ADDOPTS", "GITHUB_", "COV_"))
        and name not in ("CI", "COLUMNS", "FORCE_COLOR")
    }
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    if not sys.stdout.isatty():
        kept["COLUMNS"] = "80"
    return kept


def _tell(paragraph: str) -> None:
    if paragraph:
        print(f"\n{textwrap.fill(paragraph, 80, initial_indent='# ', subsequent_indent='# ')}", flush=True)


def play(page: Path, *, check: bool = False) -> int:
    """Play a page in a folder of its own; returns 1 where a check found it untrue."""
    with tempfile.TemporaryDirectory(prefix="memguard-page-") as name:
        folder = Path(name) / page.resolve().parent.name
        if page.name == "README.md" and page.resolve().parent.parent == HERE:
            shutil.copytree(page.resolve().parent, folder, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        else:
            folder.mkdir()
        stage = Stage(page, folder, check=check)
        stage.accept_elsewhere()
        stage.play()
    for complaint in stage.complaints:
        print(complaint, file=sys.stderr)
    return 1 if stage.complaints else 0


def main() -> int:
    """Read the command line and play the page it names."""
    parser = argparse.ArgumentParser(description="Play the commands of a Markdown page.")
    parser.add_argument("page", type=Path)
    parser.add_argument("--check", action="store_true", help="compare what is printed with the page")
    arguments = parser.parse_args()
    return play(arguments.page, check=arguments.check)


if __name__ == "__main__":
    sys.exit(main())
