"""Plays README.md of this folder; with `--check` compares what it prints with the page."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
play = runpy.run_path(str(here.parent / "play.py"))["play"]
sys.exit(play(here / "README.md", check="--check" in sys.argv))
