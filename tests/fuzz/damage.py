"""What the fuzzers have in common: how much they try, and damage to text."""

from __future__ import annotations

import os
import random

SEED = 20_260_101


def rounds(default: int) -> int:
    """Return how many cases are tried: `MEMGUARD_FUZZ=25` tries twenty-five times as many."""
    return default * int(os.environ.get("MEMGUARD_FUZZ", "1"))


def damaged(text: str, chance: random.Random) -> str:
    """Cut, double, swap or overwrite a few places of a text."""
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.randint(0, 8))
        piece = chance.choice(
            ["", "", text[start:end] * 2, chance.choice(":{},- \n_#\"'0189aé\x00\t\u2028"), text[:end][-5:]]
        )
        text = f"{text[:start]}{piece}{text[end:]}"
    return text
