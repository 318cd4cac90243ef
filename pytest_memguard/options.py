"""The options of pytest, and how they lie over markers and settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pytest_memguard.policy import Policy, overlay, parse_meter
from pytest_memguard.settings import PROFILE_CHOICES, Settings, parse_fail_on, parse_profiles

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
    "--memguard-profiles": (
        "WHICH",
        f"keep the captures of {', '.join(PROFILE_CHOICES)} tests; default failed",
    ),
}


def add_options(parser: pytest.Parser) -> None:
    """Register every option; each has no default, so that settings below them are read."""
    group = parser.getgroup("memguard", "memory gate (pytest-memguard)")
    for name, text in _SWITCHES.items():
        group.addoption(name, action="store_true", default=None, help=text)
    for name, (metavar, text) in _VALUES.items():
        group.addoption(name, metavar=metavar, default=None, help=text)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line asks of one run.

    `written` holds what beats every marker, in the words of a policy.
    """

    root: Path
    everything: bool
    leaks: bool
    accept: bool
    results_paths: tuple[Path, ...]
    written: Mapping[str, object]
    in_ci: bool


def run_options(config: pytest.Config) -> RunOptions:
    """Read the options of a run; raises a `MemguardError` that names the option."""
    written: dict[str, object] = {}
    for key in ("meter", "tolerance"):
        value = config.getoption(f"memguard_{key}")
        if value is not None:
            written[key] = value
    overlay(Policy(), written)
    extra = config.getoption("memguard_json")
    results = [config.rootpath / RESULTS_PATH]
    if extra:
        results.append(Path(config.invocation_params.dir) / extra)
    return RunOptions(
        root=config.rootpath,
        everything=bool(config.getoption("memguard_all")),
        leaks=bool(config.getoption("memguard_leaks")),
        accept=bool(config.getoption("memguard_accept")),
        results_paths=tuple(results),
        written=written,
        in_ci=os.environ.get("CI", "").lower() not in ("", "0", "false"),
    )


def apply_options(settings: Settings, config: pytest.Config) -> Settings:
    """Lay the command line over the settings of the file."""
    baseline = config.getoption("memguard_baseline")
    if baseline:
        settings = replace(settings, baseline_dir=str(Path(config.invocation_params.dir) / baseline))
    meter = config.getoption("memguard_meter")
    if meter is not None:
        settings = replace(settings, meter=parse_meter(meter))
    fail_on = config.getoption("memguard_fail_on")
    if fail_on is not None:
        settings = replace(settings, fail_on=parse_fail_on(fail_on))
    profiles = config.getoption("memguard_profiles")
    if profiles is not None:
        settings = replace(settings, profiles=parse_profiles(profiles))
    if config.getoption("memguard_advisory"):
        settings = replace(settings, advisory=True)
    return settings
