"""A neighbour: a plugin or library, a small project that uses it, what each stage is expected to end in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

WORK = """
    import os

    GROWTH = int(os.environ.get("GROW", "0"))
    LEAKS = bool(os.environ.get("LEAK"))
    KEPT = []

    def work():
        held = bytearray(1_000_000 * (1 + GROWTH))
        if LEAKS:
            KEPT.append(bytes(4_000))
        return len(held) > 0
"""
"""`work.py` of every project: its tests hold a megabyte, two with GROW=1, and leak with LEAK=1."""


class Stage(Enum):
    """What is asked of memguard beside a neighbour, in this order."""

    PLAIN = "plain"
    ACCEPT = "accept"
    SAME = "same"
    GROW = "grow"
    CLEAN = "clean"
    LEAK = "leak"


@dataclass(frozen=True)
class Answer:
    """What is expected of the tests of a pattern: an outcome, and a part of its reason."""

    outcome: str
    reason: str = ""
    tests: str = "*"


@dataclass(frozen=True)
class Neighbour:
    """A plugin or library and a project whose every test calls `work()`: a module `test`, and other files.

    Of pytest's plugins those of its requirements are loaded, and no other: many neighbours share
    one environment; one that `is_alone` has its own. `answers` says what a stage ends in where that
    is not the usual, with the reason that memguard says. `wrong` names the stages that memguard
    gets wrong, with what is wrong; they fail once they are right. `doubtful` names those that it gets
    wrong at times. `is_core` neighbours are tried on
    every change, the others by night.
    """

    name: str
    requirements: tuple[str, ...]
    test: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    ini: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[Stage, tuple[Answer, ...]] = field(default_factory=dict)
    wrong: Mapping[Stage, str] = field(default_factory=dict)
    doubtful: Mapping[Stage, str] = field(default_factory=dict)
    is_alone: bool = False
    is_core: bool = False

    @property
    def project(self) -> Mapping[str, str]:
        """The files of its project by name."""
        return {**({"test_it.py": self.test} if self.test else {}), **self.files}

    @property
    def slug(self) -> str:
        """The name as a word."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.name)
