"""What the command line asks of a guarded run, and how it overrides markers and settings."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from glob import escape
from pathlib import Path

import pytest

from pytest_memguard.core.ci import is_ci
from pytest_memguard.core.errors import ValueFormError
from pytest_memguard.core.options import OPTION_DESTS, VALUES
from pytest_memguard.core.paths import RESULTS_PATH
from pytest_memguard.core.policy import POLICY_KEYS, Policy
from pytest_memguard.core.readers import declarations, read_value
from pytest_memguard.core.settings import Settings
from pytest_memguard.run.xdist import Asked, asked_by_controller, is_worker

_ONLY_SHOWING = ("collectonly", "showfixtures", "show_fixtures_per_test", "setuponly", "setupplan")
"""Options of pytest under which no test is called."""

_SHOWING_WORDS = ("--co", "--collect", "--fixtures", "--funcargs", "--setup-")
"""How these options begin on a command line; no other option does but `--color`."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line asks of one run.

    `overrides` holds what beats every marker, in the words of a policy. `always_deselects` says that the
    project's own options leave out tests.
    """

    root: Path
    asked: Asked
    everything: bool
    accept: bool
    always_deselects: bool
    results_paths: tuple[Path, ...]
    page_path: Path | None
    overrides: Mapping[str, object]
    runs_tests: bool

    def reach(self, path: Path) -> bool:
        """Say whether the command line leaves a file to the run."""
        places = self.asked.places
        is_named = not places or any(path.is_relative_to(place) for place in places)
        return is_named and not any(fnmatch(str(path), pattern) for pattern in self.asked.ignored)


def run_options(config: pytest.Config, settings: Settings) -> RunOptions:
    """Read the options of a run; raises an error that names the option."""
    given = _given(config)
    asked = _asked_of(config, settings)
    extra, page = config.getoption("memguard_json"), config.getoption("memguard_html")
    folder = Path(config.invocation_params.dir)
    results = [config.rootpath / RESULTS_PATH]
    if extra:
        results.append(folder / extra)
    for key, value in given.items():
        if key in POLICY_KEYS:
            _read(Policy, key, value)  # here, so that an error names the option before any test is planned
    return RunOptions(
        root=config.rootpath,
        asked=asked,
        everything=bool(config.getoption("memguard_all")),
        accept=bool(config.getoption("memguard_accept")),
        always_deselects=any(config.getoption(name, default=None) for name in _DESELECTING),
        results_paths=tuple(results),
        page_path=folder / page if page else None,
        overrides={key: value for key, value in given.items() if key in POLICY_KEYS},
        runs_tests=_runs_tests(config, in_ci=asked.in_ci),
    )


def apply_options(settings: Settings, config: pytest.Config) -> Settings:
    """Lay the command line over the settings of the file; raises an error that names the option."""
    _refuse_empty(config)
    changes: dict[str, object] = {}
    for key, value in _given(config).items():
        if key in declarations(Settings):
            changes |= _read(Settings, key, value)
    if _is_typed(config, "--memguard-fail-on") and not _is_typed(config, "--memguard-advisory"):
        changes["advisory"] = False  # a user who types what fails does not mean that nothing does
    return replace(settings, **changes)  # type: ignore[arg-type]  # each reader returns its field's type


def _asked_of(config: pytest.Config, settings: Settings) -> Asked:
    """Return what only the process knows that the user started; a worker has it from there."""
    if is_worker(config):
        return asked_by_controller(config)
    in_ci = is_ci() if settings.ci is None else settings.ci
    accepts = bool(config.getoption("memguard_accept"))
    return Asked(
        in_ci=in_ci,
        accepts_unasked=in_ci and accepts and not _is_typed(config, "--memguard-accept"),
        places=_places(config),
        ignored=tuple(_ignored(config)),
        selects=_selects(config),
    )


_DESELECTING = ("keyword", "markexpr", "deselect")
"""Options that leave out tests once every one was collected."""

_COLLECTING_SOME = ("lf", "stepwise")
"""Options that collect some tests only, or go on where a run stopped."""


def _selects(config: pytest.Config) -> bool:
    """Say whether this run names the tests it is for; `addopts` say what every run of a project is for."""
    return (
        any(arg[:2] in ("-k", "-m") or arg.startswith("--deselect") for arg in _typed(config))
        or any(config.getoption(name, default=None) for name in _COLLECTING_SOME)
        or any("::" in arg for arg in config.args)
    )


def _runs_tests(config: pytest.Config, *, in_ci: bool) -> bool:
    """Say whether tests are to be called: in CI they are, unless the command line itself says otherwise."""
    is_typed = any(arg.startswith(_SHOWING_WORDS) and not arg.startswith("--color") for arg in _typed(config))
    only_shows = any(config.getoption(name, default=False) for name in _ONLY_SHOWING)
    return not only_shows or (in_ci and not is_typed)


def _places(config: pytest.Config) -> tuple[str, ...]:
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return ()
    folder = Path(config.invocation_params.dir)
    return tuple(str((folder / arg.split("::", 1)[0]).resolve()) for arg in config.args)


def _ignored(config: pytest.Config) -> Iterator[str]:
    """Yield patterns of the files that the command line itself ignores, not `addopts` or a conftest.py."""
    folder = Path(config.invocation_params.dir)
    reader = ArgumentParser(add_help=False, allow_abbrev=False)
    reader.add_argument("--ignore", action="append", default=[])
    reader.add_argument("--ignore-glob", action="append", default=[])
    found, _ = reader.parse_known_args(_typed(config))
    for ignored in found.ignore:
        path = escape(str((folder / ignored).resolve()))
        yield from (path, f"{path}/*")
    yield from (str(folder.resolve() / pattern) for pattern in found.ignore_glob)


def _typed(config: pytest.Config) -> list[str]:
    """Return the command line itself, without `addopts` and PYTEST_ADDOPTS."""
    return [str(arg) for arg in config.invocation_params.args]


def _is_typed(config: pytest.Config, option: str) -> bool:
    return any(arg == option or arg.startswith(f"{option}=") for arg in _typed(config))


def _given(config: pytest.Config) -> dict[str, object]:
    """Return what the command line gives, by the keys of a marker or of the settings file."""
    options = {name: config.getoption(name) for name in OPTION_DESTS}
    given = {name.removeprefix("memguard_"): value for name, value in options.items() if value is not None}
    if given.get("baseline"):
        given["baseline"] = str(Path(config.invocation_params.dir) / str(given["baseline"]))
    return given


def _refuse_empty(config: pytest.Config) -> None:
    """Raise for an option whose value is empty, as from a variable that is not set: nobody means that."""
    for option, (name, _) in VALUES.items():
        value = config.getoption(option, default=None)
        if option not in _MAY_BE_EMPTY and isinstance(value, str) and not value.strip():
            raise ValueFormError(f"{option} is empty; accepted is {option}={name}, or no such option at all.")


_MAY_BE_EMPTY = ("--memguard-fail-on",)
"""Options whose empty value means something: that no outcome fails."""


def _read(cls: type, key: str, value: object) -> dict[str, object]:
    one = declarations(cls)[key]
    return {one.name: read_value(one.read, value, f"--memguard-{key.replace('_', '-')}")}
