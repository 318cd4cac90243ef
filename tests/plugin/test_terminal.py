"""What a person sees of a failing run: at 80 columns, in a log, in colour."""

from __future__ import annotations

import re

import pytest

from tests.guarded_project import GuardedProject, Run

MANY = """
    import os
    import pytest

    HELD = []

    @pytest.mark.memguard
    def test_of_a_name_that_is_rather_long_for_a_terminal_of_eighty_columns():
        held = bytes(int(os.environ["SIZE"]))
"""
NAME = "test_it.py::test_of_a_name_that_is_rather_long_for_a_terminal_of_eighty_columns"


@pytest.fixture
def grown(project: GuardedProject) -> GuardedProject:
    project.let(SIZE=1_000_000, COLUMNS=80)
    project.write(test_it=MANY)
    assert project.accept().code == 0
    project.let(SIZE=1_500_000)
    return project


def ours(run: Run) -> list[str]:
    """Return memguard's lines of the failures and of its summary."""
    text = run.text.split("= FAILURES =")[-1]
    return [line for line in text.splitlines() if not re.match("=|_|FAILED ", line)]


def test_nothing_is_broken_within_a_word_or_said_twice_at_80_columns(grown: GuardedProject) -> None:
    run = grown.run()
    lines = ours(run)
    long = [line.split()[0] for line in lines if len(line) > 80]
    assert set(long) <= {"memguard", "profile:"}, "commands"
    assert run.text.count("+488.3 KiB  test_it.py:9 in") == 1
    assert f"    memguard accept {NAME}" in lines, "a command is a line of its own"
    assert "grew          test_of_a_name…eighty_columns  █████░░░  peak +488.3 KiB (+50%)" in run.summary
    assert "\x1b" not in run.text
    assert "+488.3 KiB" in grown.run("--tb=no").summary, (
        "where pytest shows no failure the summary says it all"
    )


def test_a_terminal_has_colours_unless_nobody_wants_them(grown: GuardedProject) -> None:
    coloured = grown.run("--color=yes")
    assert "\x1b[31m\x1b[1mgrew" in coloured.text
    assert "\x1b[31m\x1b[1m+488.3 KiB" in coloured.text
    assert "\x1b[31m\x1b[1m1 grew" in coloured.text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured.text)
    assert "+488.3 KiB test_it.py:9 in test_of" in " ".join(plain.split())


def test_failures_of_workers_have_the_same_lines_and_colours(grown: GuardedProject) -> None:
    run = grown.spawn("-n1", "--color=yes", "--junitxml=junit.xml", plugins=("xdist",))
    assert "\x1b[31m\x1b[1m+488.3 KiB" in run.text
    (failure,) = grown.junit().iter("failure")
    assert str(failure.get("message")).startswith("memguard: grew: peak 1.4 MiB, was 976.6 KiB (+50%")
    assert "\x1b" not in str(failure.text)
