"""The settings of a project, `[tool.memguard]`, checked key by key."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pytest_memguard.core.errors import (
    MemguardError,
    SettingsError,
    UnknownNameError,
    ValueFormError,
    nearest,
)
from pytest_memguard.core.policy import POLICY_KEYS, Policy, overlay, parse_meter
from pytest_memguard.core.verdict import OUTCOMES

DEFAULT_BASELINE_DIR = ".memguard/baseline"
DEFAULT_FAIL_ON = ("grew", "over-limit", "leaked")
PROFILE_CHOICES = ("failed", "all", "none")


@dataclass(frozen=True, slots=True)
class PatternPolicy:
    """What one `[[tool.memguard.policy]]` says about the tests that its pattern matches."""

    tests: str
    written: Mapping[str, object]

    def matches(self, test_id: str) -> bool:
        """Match the whole node id, or its file alone, as a shell pattern.

        Brackets may be those of a parametrized case as well: `test_x[1000]` means that case.
        """
        names = (test_id, test_id.split("::", 1)[0])
        patterns = (self.tests, self.tests.replace("[", "[[]"))
        return test_id.startswith(f"{self.tests}::") or any(
            fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one project; `source` names the file they came from, if any."""

    source: str = ""
    baseline_dir: str = DEFAULT_BASELINE_DIR
    meter: str | None = None
    fail_on: tuple[str, ...] = DEFAULT_FAIL_ON
    advisory: bool = False
    profiles: str = "failed"
    exclude: tuple[str, ...] = ()
    written: Mapping[str, object] | None = None
    policies: tuple[PatternPolicy, ...] = ()

    def policy_for(self, test_id: str, *more: Mapping[str, object]) -> Policy:
        """Lay the file, the matching patterns in their order, and `more` over the default."""
        policy = overlay(Policy(), self.written or {})
        for pattern in self.policies:
            if pattern.matches(test_id):
                policy = overlay(policy, pattern.written)
        for written in more:
            policy = overlay(policy, written)
        return policy


def parse_fail_on(value: object) -> tuple[str, ...]:
    """Read a list of outcomes, or one string with commas."""
    names = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ValueFormError(
            f"{value!r} is not a list of outcomes; accepted is a list such as ['grew', 'leaked']."
        )
    for name in names:
        if name and name not in OUTCOMES:
            raise UnknownNameError(f"there is no outcome {name!r}, {nearest(name, OUTCOMES)}")
    return tuple(name for name in names if name)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueFormError(f"{value!r} is not a path; accepted is a text that is not empty.")
    return value


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueFormError(
            f"{value!r} is not a list of package names; accepted is a list such as ['pytest_mock']."
        )
    return tuple(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueFormError(f"{value!r} is not a switch; accepted are true and false.")
    return value


def parse_profiles(value: object) -> str:
    """Read which captures are kept."""
    if value not in PROFILE_CHOICES:
        raise ValueFormError(
            f"{value!r} is not a choice of profiles; accepted are {', '.join(PROFILE_CHOICES)}."
        )
    return str(value)


_OWN: dict[str, tuple[str, Callable[[object], object]]] = {
    "baseline": ("baseline_dir", _text),
    "fail_on": ("fail_on", parse_fail_on),
    "advisory": ("advisory", _flag),
    "profiles": ("profiles", parse_profiles),
    "exclude": ("exclude", _names),
    "meter": ("meter", parse_meter),
}
_TEST_KEYS = tuple(key for key in POLICY_KEYS if key not in _OWN)
SETTING_KEYS = (*_OWN, *_TEST_KEYS, "policy")


def settings_from(mapping: Mapping[str, object], source: str) -> Settings:
    """Check a `[tool.memguard]` mapping; `SettingsError` names the file and the key."""
    settings = Settings(source=source)
    written: dict[str, object] = {}
    for key, value in mapping.items():
        where = f"{source}, [tool.memguard] {key}"
        if key == "policy":
            settings = replace(settings, policies=_patterns(value, source))
        elif key in _OWN:
            name, reader = _OWN[key]
            change = {name: _checked(where, reader, value)}
            settings = replace(settings, **change)  # type: ignore[arg-type]  # each reader returns its field's type
        elif key in _TEST_KEYS:
            _checked(where, lambda given, key=key: overlay(Policy(), {key: given}), value)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            written[key] = value
        else:
            raise SettingsError(f"{source}: [tool.memguard] has no key {key!r}, {nearest(key, SETTING_KEYS)}")
    return replace(settings, written=written)


def _checked(where: str, reader: Callable[[object], object], value: object) -> object:
    try:
        return reader(value)
    except MemguardError as error:
        raise SettingsError(f"{where}: {error}") from error


def _patterns(value: object, source: str) -> tuple[PatternPolicy, ...]:
    tables = value if isinstance(value, list) else None
    if tables is None or not all(isinstance(table, Mapping) for table in tables):
        raise SettingsError(f"{source}: policy is written as [[tool.memguard.policy]] tables, got {value!r}.")
    return tuple(
        _pattern(dict(table), f"{source}, [[tool.memguard.policy]] {number}")
        for number, table in enumerate(tables, 1)
    )


def _pattern(table: dict[str, object], where: str) -> PatternPolicy:
    tests = table.pop("tests", None)
    if not isinstance(tests, str) or not tests:
        raise SettingsError(
            f"{where}: 'tests' is missing; it is a pattern of node ids such as \"tests/io/*\"."
        )
    _checked(where, lambda written: overlay(Policy(), written), table)  # type: ignore[arg-type]  # a dict is a Mapping
    return PatternPolicy(tests=tests, written=table)
