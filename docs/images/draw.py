"""Draws the README's picture: a real run of `pytest --memguard` in a terminal, as SVG.

    python docs/images/draw.py

Runs the first example with the growth that its README plays, in a terminal of its own, and writes
failing-run.svg beside this file.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parents[1] / "examples/first-baseline"
WIDTH = 80
_NOT_WANTED = re.compile(r"^(rootdir|configfile|plugins|platform|cachedir|testpaths)\b.*\n", re.MULTILINE)

_DURATION = re.compile(r" in [\d.]+s")


def run_in_terminal(command: list[str], folder: Path) -> str:
    """Run a command whose output is a terminal, and return what it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDTH, 0, 0))
    environment = {
        name: value for name, value in os.environ.items() if name not in ("CI", "COLUMNS", "NO_COLOR")
    }
    environment |= {
        "COLUMNS": str(WIDTH),
        "TERM": "xterm-256color",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # other plugins write lines of their own
        "PYTEST_PLUGINS": "pytest_memguard.plugin",
    }
    running = subprocess.Popen(
        command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # what Linux says at the end of a terminal
            break
        if not part:
            break
        written += part
    running.wait()
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


def picture_of(text: str) -> str:
    """Return a terminal's text as SVG, without the lines about this machine and how long it took."""
    console = Console(
        width=WIDTH, record=True, file=StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text("$ pytest --memguard", style="bold"))
    console.print(Text.from_ansi(_DURATION.sub("", _NOT_WANTED.sub("", text))))
    drawn = console.export_svg(title="pytest --memguard", unique_id="memguard")
    return drawn.replace("<text class=", '<text xml:space="preserve" class=')  # or some viewers drop blanks


def main() -> None:
    """Draw the picture."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "catalogue"
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".memguard", "__pycache__", ".venv"))
        for prepare in (
            [sys.executable, "-m", "pytest", "--memguard-accept"],
            ["git", "apply", "tidy.patch"],
        ):
            subprocess.run(prepare, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        text = run_in_terminal(["pytest", "--memguard"], folder)
    (HERE / "failing-run.svg").write_text(picture_of(text), encoding="utf-8")


if __name__ == "__main__":
    main()
