"""What a terminal sees while leak checks run, and what a file does not."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.guarded_project import PLUGIN, GuardedProject

TESTS = """
    import pytest

    @pytest.mark.memguard(leaks=True, leak_budget=0.1)
    @pytest.mark.parametrize("n", [1, 2])
    def test_it(n):
        assert bytes(n)
"""


def in_terminal(project: GuardedProject, *args: str) -> str:
    """Run pytest with a terminal of 80 columns, and return what it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider", "--memguard", *args]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    running = subprocess.Popen(
        command, cwd=project.root, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
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
    running.wait(timeout=60)
    os.close(ours)
    return written.decode()


@pytest.mark.parametrize("verbosity", [[], ["-v"]], ids=["dots", "verbose"])
def test_a_terminal_sees_what_goes_on_and_nothing_of_it_stays(
    project: GuardedProject, verbosity: list[str]
) -> None:
    project.write(test_it=TESTS)
    text = in_terminal(project, *verbosity)
    shown = re.findall(r"\x1b7  (leak check \d of \d, about \d+ s: [^\x1b]+)\x1b8\x1b\[K", text)
    assert [line.partition(",")[0] for line in shown] == ["leak check 1 of 2", "leak check 2 of 2"]
    left = re.sub(r"\x1b7.*?\x1b8\x1b\[K", "", text)
    assert "leak check" not in left.split("= memguard =")[0]


def test_a_file_and_the_lines_of_xdist_have_nothing_of_it(project: GuardedProject) -> None:
    project.write(test_it=TESTS)
    assert "\x1b7" not in project.run("-v").text
    assert "\x1b7" not in in_terminal(project, "-p", "xdist", "-n1")
