"""What a terminal sees while leak checks run, and what a file does not."""

from __future__ import annotations

import re
import sys

import pytest

from tests.guarded_project import PLUGIN, GuardedProject
from tests.in_terminal import in_terminal

TESTS = """
    import pytest

    @pytest.mark.memguard(leaks=True, leak_budget=0.1)
    @pytest.mark.parametrize("n", [1, 2])
    def test_it(n):
        assert bytes(n)
"""


def seen(project: GuardedProject, *args: str) -> str:
    """Run pytest in a terminal, and return what it wrote there."""
    command = [sys.executable, "-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider", "--memguard", *args]
    return in_terminal(command, project.root, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})


@pytest.mark.parametrize("verbosity", [[], ["-v"]], ids=["dots", "verbose"])
def test_a_terminal_sees_what_goes_on_and_nothing_of_it_stays(
    project: GuardedProject, verbosity: list[str]
) -> None:
    project.write(test_it=TESTS)
    text = seen(project, *verbosity)
    shown = re.findall(r"\x1b7  (leak check \d of \d, about \d+ s: [^\x1b]+)\x1b8\x1b\[K", text)
    assert [line.partition(",")[0] for line in shown] == ["leak check 1 of 2", "leak check 2 of 2"]
    left = re.sub(r"\x1b7.*?\x1b8\x1b\[K", "", text)
    assert "leak check" not in left.split("= memguard =")[0]


def test_a_file_and_the_lines_of_xdist_have_nothing_of_it(project: GuardedProject) -> None:
    project.write(test_it=TESTS)
    assert "\x1b7" not in project.run("-v").text
    assert "\x1b7" not in seen(project, "-p", "xdist", "-n1")
