"""What a project sets for all its tests: `[tool.memguard]`, checked key by key."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pytest_memguard.core.errors import (
    MemguardError,
    SettingsError,
    UnknownNameError,
    ValueFormError,
    nearest,
)
from pytest_memguard.core.known_leaks import KnownLeak, parse_known_leak
from pytest_memguard.core.node_ids import split_id
from pytest_memguard.core.outcome import OUTCOMES
from pytest_memguard.core.paths import BASELINE_PATH
from pytest_memguard.core.policy import METER_HELP, POLICY_KEYS, Policy, overlay, parse_meter
from pytest_memguard.core.readers import (
    declarations,
    declared,
    declared_tables,
    one_of,
    parse_switch,
    parse_text,
    read_fields,
)
from pytest_memguard.core.units import parse_share

DEFAULT_FAIL_ON = ("grew", "over-limit", "leaked")
DEFAULT_FAIL_ON_IN_CI = (*DEFAULT_FAIL_ON, "unguarded", "stale")
"""What fails by default: in CI also entries without a guarded test."""


@dataclass(frozen=True, slots=True)
class PatternPolicy:
    """What one `[[tool.memguard.policy]]` says about the tests that its pattern matches."""

    tests: str
    written: Mapping[str, object]

    def matches(self, test_id: str) -> bool:
        """Match the whole node id, or its file alone, as a shell pattern.

        Brackets may be those of a parametrized case as well: `test_x[1000]` means that case.
        """
        names = (test_id, split_id(test_id)[0])
        patterns = (self.tests, self.tests.replace("[", "[[]"))
        return test_id.startswith(f"{self.tests}::") or any(
            fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns
        )


def parse_fail_on(value: object) -> tuple[str, ...]:
    """Read a list of outcomes, or one string with commas; an empty list or string names none."""
    names = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ValueFormError(
            f"{value!r} is not a list of outcomes; accepted is a list such as ['grew', 'leaked']."
        )
    for name in names:
        if name not in OUTCOMES:
            raise UnknownNameError(f"there is no outcome {name!r}, {nearest(name, OUTCOMES)}")
    return tuple(names)


def parse_names(value: object) -> tuple[str, ...]:
    """Read a list of package names."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueFormError(
            f"{value!r} is not a list of package names; accepted is a list such as ['pytest_mock']."
        )
    return tuple(value)


def parse_pattern(table: object) -> PatternPolicy:
    """Read one `[[tool.memguard.policy]]`: the tests it is for, and what it says about them."""
    written = dict(table) if isinstance(table, Mapping) else {}
    tests = written.pop("tests", None)
    if not isinstance(tests, str) or not tests:
        raise ValueFormError("'tests' is missing; it is a pattern of node ids such as \"tests/io/*\".")
    overlay(Policy(), written)
    return PatternPolicy(tests=tests, written=written)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one project; `source` names the file they came from, if any.

    `written` is what the file says about every test, in the words of the marker.
    """

    source: str = ""
    baseline_dir: str = declared(
        parse_text,
        "folder of the baseline, relative to the project's root",
        key="baseline",
        default=BASELINE_PATH,
    )
    fail_on: tuple[str, ...] | None = declared(
        parse_fail_on,
        "[outcomes](outcomes.md) that fail; the default is in their table",
        default=None,
    )
    advisory: bool = declared(parse_switch, "report everything, fail nothing", default=False, weak=True)
    ci: bool | None = declared(
        parse_switch,
        "whether this is CI, where [more fails](outcomes.md); by default, variables of CI services tell",
        default=None,
        weak=False,
    )
    allow_empty: bool = declared(
        parse_switch, "let a run that guards no test pass in CI, too", default=False, weak=True
    )
    profiles: str = declared(
        one_of("a choice of profiles", "failed", "all", "none"),
        "tests whose captures are kept: `failed`, `all` or `none`",
        default="failed",
    )
    exclude: tuple[str, ...] = declared(
        parse_names,
        "packages whose memory is not counted, in addition to "
        "[pytest and its plugins](../explanation/measuring.md#whose-memory)",
        default=(),
    )
    include: tuple[str, ...] = declared(
        parse_names,
        "packages that register a plugin of pytest, and whose memory is counted nevertheless",
        default=(),
    )
    meter: str | None = declared(parse_meter, METER_HELP, default=None)
    require_note: float | None = declared(
        parse_share,
        'share of growth, such as `"10%"`; accepting more [requires a note](../how-to/accept.md#notes)',
        default=None,
    )
    policies: tuple[PatternPolicy, ...] = declared_tables(
        parse_pattern,
        "tables `[[tool.memguard.policy]]`, each with `tests` (a pattern of node ids or files) and arguments "
        "of the marker; later tables take precedence",
        key="policy",
    )
    known_leaks: tuple[KnownLeak, ...] = declared_tables(
        parse_known_leak,
        "tables `[[tool.memguard.known_leak]]`: leaks of a library or of a test plugin",
        key="known_leak",
    )
    written: Mapping[str, object] | None = None

    def fails(self, outcome: str, *, in_ci: bool) -> bool:
        """Say whether an outcome fails, by `fail_on` or else by default."""
        default = DEFAULT_FAIL_ON_IN_CI if in_ci else DEFAULT_FAIL_ON
        return outcome in (default if self.fail_on is None else self.fail_on)

    def policy_for(self, test_id: str, *more: Mapping[str, object]) -> Policy:
        """Lay the file, the matching patterns in their order, and `more` over the default."""
        policy = overlay(Policy(), self.written or {})
        for pattern in self.policies:
            if pattern.matches(test_id):
                policy = overlay(policy, pattern.written)
        for written in more:
            policy = overlay(policy, written)
        return policy


SETTING_KEYS = tuple(dict.fromkeys((*declarations(Settings), *POLICY_KEYS)))
"""What `[tool.memguard]` may say: about the project, and about every test."""
_SECTION = "[tool.memguard]"


def settings_from(mapping: Mapping[str, object], source: str) -> Settings:
    """Check a `[tool.memguard]` mapping; `SettingsError` names the file and the key."""
    for key in mapping:
        if key not in SETTING_KEYS:
            raise SettingsError(f"{source}: {_SECTION} has no key {key!r}, {nearest(key, SETTING_KEYS)}")
    own = {key: value for key, value in mapping.items() if key in declarations(Settings)}
    of_tests = {key: value for key, value in mapping.items() if key not in own}
    try:
        changes = read_fields(Settings, own, f"{_SECTION} ")
        overlay(Policy(), of_tests, f"{_SECTION} ")
    except MemguardError as error:
        raise SettingsError(f"{source}, {error}") from error
    return replace(Settings(source=source, written=of_tests), **changes)  # type: ignore[arg-type]  # each reader returns its field's type
