"""The options of pytest. Every run of pytest loads this module, guarded or not, and no other of ours."""

from __future__ import annotations

import pytest

RESULTS_PATH = ".memguard/results/last.json"
_SWITCHES = {
    "--memguard": "measure guarded tests, compare with the baseline, and fail on growth",
    "--memguard-all": "guard every test, marked or not (implies --memguard)",
    "--memguard-leaks": "leak check on every guarded test (implies --memguard)",
    "--memguard-accept": "accept into the baseline what this run measures (implies --memguard)",
    "--memguard-advisory": "report everything, fail nothing",
}
_VALUES = {
    "--memguard-baseline": ("DIR", "where the accepted numbers are; default .memguard/baseline"),
    "--memguard-json": ("PATH", f"also write the results file here; always written is {RESULTS_PATH}"),
    "--memguard-meter": ("NAME", "memray or tracemalloc; default is memray where it works"),
    "--memguard-tolerance": (
        "TOLERANCE",
        "tolerated growth for every test, such as '5%%', '64 KiB' or '5%%, 64 KiB'",
    ),
    "--memguard-fail-on": ("OUTCOMES", "outcomes that fail, with commas; default grew,over-limit,leaked"),
    "--memguard-profiles": ("WHICH", "keep the captures of failed, all or none of the tests; default failed"),
}


OPTION_DESTS = frozenset(name.removeprefix("--").replace("-", "_") for name in (*_SWITCHES, *_VALUES))
"""What pytest calls the options in `config.option`."""


def add_options(parser: pytest.Parser) -> None:
    """Register every option; each has no default, so that settings below them are read."""
    group = parser.getgroup("memguard", "memory gate (pytest-memguard)")
    for name, text in _SWITCHES.items():
        group.addoption(name, action="store_true", default=None, help=text)
    for name, (metavar, text) in _VALUES.items():
        group.addoption(name, metavar=metavar, default=None, help=text)
