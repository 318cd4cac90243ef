"""What the command line asks of a guarded run, and how it overrides markers and settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pytest_memguard.core.errors import MemguardError, ValueFormError
from pytest_memguard.core.paths import RESULTS_PATH
from pytest_memguard.core.policy import parse_meter, parse_tolerance
from pytest_memguard.core.settings import Settings, parse_fail_on, parse_profiles

_ONLY_SHOWING = ("collectonly", "showfixtures", "show_fixtures_per_test", "setuponly", "setupplan")
"""Options of pytest under which no test is called."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line asks of one run.

    `overrides` holds what beats every marker, in the words of a policy.
    """

    root: Path
    everything: bool
    accept: bool
    results_paths: tuple[Path, ...]
    overrides: Mapping[str, object]
    in_ci: bool
    runs_tests: bool


def run_options(config: pytest.Config) -> RunOptions:
    """Read the options of a run; raises a `ValueFormError` that names the option."""
    overrides: dict[str, object] = {
        key: config.getoption(f"memguard_{key}")
        for key, reader in _POLICY_OPTIONS.items()
        if _read(config, key, reader) is not None
    }
    if config.getoption("memguard_leaks"):
        overrides["leaks"] = True
    extra = config.getoption("memguard_json")
    results = [config.rootpath / RESULTS_PATH]
    if extra:
        results.append(Path(config.invocation_params.dir) / extra)
    return RunOptions(
        root=config.rootpath,
        everything=bool(config.getoption("memguard_all")),
        accept=bool(config.getoption("memguard_accept")),
        results_paths=tuple(results),
        overrides=overrides,
        in_ci=os.environ.get("CI", "").lower() not in ("", "0", "false"),
        runs_tests=not any(config.getoption(name, default=False) for name in _ONLY_SHOWING),
    )


def apply_options(settings: Settings, config: pytest.Config) -> Settings:
    """Lay the command line over the settings of the file; raises a `ValueFormError` that names the option."""
    changes: dict[str, object] = {}
    for key, reader in _SETTING_OPTIONS.items():
        value = _read(config, key, reader)
        if value is not None:
            changes[key] = value
    baseline = config.getoption("memguard_baseline")
    if baseline:
        changes["baseline_dir"] = str(Path(config.invocation_params.dir) / baseline)
    if config.getoption("memguard_advisory"):
        changes["advisory"] = True
    return replace(settings, **changes)  # type: ignore[arg-type]  # each reader returns its field's type


_POLICY_OPTIONS: Mapping[str, Callable[[str], object]] = {
    "meter": parse_meter,
    "tolerance": parse_tolerance,
}
_SETTING_OPTIONS: Mapping[str, Callable[[str], object]] = {
    "meter": parse_meter,
    "fail_on": parse_fail_on,
    "profiles": parse_profiles,
}


def _read(config: pytest.Config, key: str, reader: Callable[[str], object]) -> object:
    """Read the value of one option, if it was given."""
    value = config.getoption(f"memguard_{key}")
    try:
        return None if value is None else reader(value)
    except MemguardError as error:
        raise ValueFormError(f"--memguard-{key.replace('_', '-')}: {error}") from error
