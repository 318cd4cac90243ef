"""Draws the README's picture: a real run of `pytest --memguard` in a terminal, as SVG.

    python -m docs.images.draw

Runs the first example with the growth that its README plays, in a terminal of its own, and writes
failing-run.svg beside this file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.in_terminal import COLUMNS, in_terminal

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parents[1] / "examples/first-baseline"
ENVIRONMENT = {
    "TERM": "xterm-256color",
    "CI": "",
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # other plugins write lines of their own
    "PYTEST_PLUGINS": "pytest_memguard.plugin",
}
_NOT_WANTED = re.compile(r"^(rootdir|configfile|plugins|platform|cachedir|testpaths)\b.*\n", re.MULTILINE)

_DURATION = re.compile(r" in [\d.]+s")


def picture_of(text: str) -> str:
    """Return a terminal's text as SVG, without the lines about this machine and how long it took."""
    console = Console(
        width=COLUMNS, record=True, file=StringIO(), force_terminal=True, color_system="truecolor"
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
        text = in_terminal(["pytest", "--memguard"], folder, ENVIRONMENT).replace("\r\n", "\n")
    (HERE / "failing-run.svg").write_text(picture_of(text), encoding="utf-8")


if __name__ == "__main__":
    main()
