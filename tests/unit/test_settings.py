"""`[tool.memguard]` and policies: read strictly, laid over one another in one order."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.core.errors import MemguardError, SettingsError, UnknownNameError, ValueFormError
from pytest_memguard.core.known_leaks import KnownLeak
from pytest_memguard.core.metrics import METRICS
from pytest_memguard.core.policy import POLICY_KEYS, Policy, overlay
from pytest_memguard.core.settings import SETTING_KEYS, Settings, parse_fail_on, settings_from
from pytest_memguard.core.tolerance import DEFAULT_TOLERANCE, Tolerance, parse_tolerance

GOOD: dict[str, Any] = {
    "tolerance": "5%, 64 KiB",
    **{metric.limit_key: 10 for metric in METRICS.values()},
    "max_peak": "64 MiB",
    "max_allocations": "1_000",
    "on_growth": "warn",
    "until": "2027-01-31",
    "leaks": True,
    "threads": 8,
    "tasks": 3,
    "orders": 4,
    "order": 2,
    "native": True,
    "children": True,
    "fresh": True,
    "isolate": True,
    "creep": "20% in 90 days",
    "fixtures": True,
    "meter": "tracemalloc",
    "thread_timeout": "5 s",
    "leak_budget": "500 ms",
    "leak_ceiling": "2 GiB",
}


@pytest.mark.parametrize(
    ("written", "relative", "absolute_bytes"),
    [
        ("5%", 0.05, 0),
        ("64 KiB", 0.0, 65536),
        ("5%, 64 KiB", 0.05, 65536),
        ("64 KiB, 5%", 0.05, 65536),
        ("0%", 0, 0),
    ],
)
def test_tolerances_that_are_read(written: str, relative: float, absolute_bytes: int) -> None:
    assert parse_tolerance(written) == Tolerance(relative, absolute_bytes)


@pytest.mark.parametrize("written", ["", ",", "5%, 6%", "1 KiB, 2 KiB", "5", 5, None, "five", "5%%"])
def test_tolerances_that_are_refused(written: object) -> None:
    if written == "5":
        assert parse_tolerance(written) == Tolerance(0.0, 5)
        return
    with pytest.raises(ValueFormError, match="is not a tolerance; accepted are '5%'"):
        parse_tolerance(written)


@given(st.integers(0, 2**40), st.floats(0, 3), st.integers(0, 2**30))
def test_an_allowance_is_the_larger_part(baseline: int, relative: float, absolute_bytes: int) -> None:
    allowed = Tolerance(relative, absolute_bytes).allowance_bytes(baseline)
    assert allowed >= absolute_bytes
    assert allowed >= int(baseline * relative)
    assert allowed in (absolute_bytes, int(baseline * relative))


def test_a_mapping_of_tolerances_leaves_the_other_metrics_alone() -> None:
    before = Policy().tolerances
    after = overlay(Policy(), {"tolerance": {"peak": "5%"}}).tolerances
    assert after == {**before, "peak": Tolerance(0.05)}
    assert set(overlay(Policy(), {"tolerance": "5%"}).tolerances.values()) == {Tolerance(0.05)}
    with pytest.raises(UnknownNameError, match=r"tolerance: .*'peek', did you mean 'peak'"):
        overlay(Policy(), {"tolerance": {"peek": "5%"}})
    with pytest.raises(UnknownNameError, match=r"tolerance: .*'leak_per_call'"):
        overlay(Policy(), {"tolerance": {"leak_per_call": "5%"}})


def test_every_key_can_be_set_and_changes_the_policy() -> None:
    assert set(GOOD) == set(POLICY_KEYS)
    for key, value in GOOD.items():
        assert overlay(Policy(), {key: value}) != Policy(), key


@given(st.permutations(list(GOOD)))
def test_the_order_of_keys_changes_nothing(keys: list[str]) -> None:
    assert overlay(Policy(), {key: GOOD[key] for key in keys}) == overlay(Policy(), GOOD)


@given(
    st.sampled_from(POLICY_KEYS),
    st.none() | st.text(max_size=8) | st.floats() | st.lists(st.integers(), max_size=2),
)
def test_any_value_is_read_or_refused_with_its_key(key: str, value: object) -> None:
    try:
        overlay(Policy(), {key: value})
    except MemguardError as error:
        assert str(error).startswith(f"{key}: ")  # noqa: PT017 - a value that is read is as good


@given(st.text(min_size=1, max_size=12).filter(lambda name: name not in POLICY_KEYS))
def test_an_unknown_key_is_refused_by_name(name: str) -> None:
    with pytest.raises(UnknownNameError) as refused:
        overlay(Policy(), {name: 1})
    assert repr(name) in str(refused.value)
    if name not in SETTING_KEYS:
        with pytest.raises(SettingsError) as unknown:
            settings_from({name: 1}, "pyproject.toml")
        assert str(unknown.value).startswith("pyproject.toml: [tool.memguard] has no key ")


def test_later_layers_win_key_by_key() -> None:
    settings = settings_from(
        {
            "max_peak": 1,
            "max_retained": 1,
            "max_allocations": 1,
            "policy": [
                {"tests": "tests/io/*", "max_peak": 2, "max_retained": 2},
                {"tests": "*[big]", "max_peak": 3},
            ],
        },
        "pyproject.toml",
    )
    policy = settings.policy_for("tests/io/test_a.py::test_x[big]", {"max_retained": 4}, {"max_retained": 5})
    assert policy.limits == {"peak": 3, "retained": 5, "allocations": 1}
    assert policy.tolerances["peak"] == DEFAULT_TOLERANCE
    elsewhere = settings.policy_for("tests/test_b.py::test_x")
    assert elsewhere.limits == {"peak": 1, "retained": 1, "allocations": 1}


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("tests/io/*", "tests/io/test_a.py::test_x", "tests/test_a.py::test_x"),
        ("tests/test_a.py", "tests/test_a.py::test_x", "tests/test_ab.py::test_x"),
        ("tests/test_a.py::test_x", "tests/test_a.py::test_x", "tests/test_a.py::test_xy"),
        ("tests/test_a.py::TestX", "tests/test_a.py::TestX::test_y", "tests/test_a.py::TestXY::test_y"),
        ("tests/test_a.py::test_x[1000]", "tests/test_a.py::test_x[1000]", "tests/test_a.py::test_x[10]"),
        ("tests/test_[ab].py", "tests/test_a.py::test_x", "tests/test_c.py::test_x"),
        ("*::test_slow*", "a/test_b.py::test_slow_one", "a/test_b.py::test_fast"),
    ],
)
def test_a_pattern_matches_ids_files_and_classes(pattern: str, matching: str, other: str) -> None:
    settings = settings_from({"policy": [{"tests": pattern, "max_peak": 7}]}, "pyproject.toml")
    assert settings.policy_for(matching).limits == {"peak": 7}
    assert settings.policy_for(other).limits == {}


@pytest.mark.parametrize("written", ["grew, leaked", ["grew", "leaked"], ("grew", "leaked"), "grew,leaked,"])
def test_outcomes_that_fail_are_read(written: object) -> None:
    assert parse_fail_on(written) == ("grew", "leaked")


def test_nothing_has_to_fail() -> None:
    assert parse_fail_on([]) == ()


def test_an_empty_name_in_a_list_of_outcomes_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="there is no outcome ''"):
        parse_fail_on([""])


@pytest.mark.parametrize("written", [1, None, ["grew", 2], {"grew": 1}])
def test_outcomes_that_are_refused(written: object) -> None:
    with pytest.raises(ValueFormError, match="is not a list of outcomes"):
        parse_fail_on(written)


def test_settings_that_say_nothing_are_the_default() -> None:
    assert (
        settings_from({}, "").policy_for("a.py::test_b") == Policy() == Settings().policy_for("a.py::test_b")
    )


KNOWN = {
    "held_by": "weakref.finalize._registry*",
    "reason": "the test client keeps a finalizer",
    "max": "2 KiB",
    "until": "2027-06-30",
}


def test_a_known_leak_is_read() -> None:
    settings = settings_from({"known_leak": [KNOWN, {"at": "shop/*", "reason": "see #1"}]}, "pyproject.toml")
    assert settings.known_leaks == (
        KnownLeak(
            held_by="weakref.finalize._registry*",
            reason="the test client keeps a finalizer",
            max_bytes=2048,
            until=dt.date(2027, 6, 30),
        ),
        KnownLeak(at="shop/*", reason="see #1"),
    )
    unquoted = {**KNOWN, "until": dt.date(2027, 6, 30)}
    assert settings_from({"known_leak": [unquoted]}, "").known_leaks == settings.known_leaks[:1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"reason": None}, "'reason' is missing"),
        ({"held_by": None}, "'held_by' or 'at' is missing"),
        ({"max": "2 apples"}, "max: '2 apples' is not a size"),
        ({"until": "June"}, "until: 'June' is not a day; accepted is one such as '2027-01-31'."),
        ({"until": dt.datetime(2027, 6, 30, 12, tzinfo=dt.timezone.utc)}, "is not a day"),
        ({"reason": ""}, "reason: '' is not a text"),
        ({"held": "x"}, "there is no argument 'held', did you mean 'held_by'?"),
    ],
)
def test_a_known_leak_that_cannot_be_used_is_refused(change: dict[str, object], sentence: str) -> None:
    table = {key: value for key, value in {**KNOWN, **change}.items() if value is not None}
    with pytest.raises(SettingsError) as refused:
        settings_from({"known_leak": [{"at": "a", "reason": "b"}, table]}, "pyproject.toml")
    assert str(refused.value).startswith("pyproject.toml, [[tool.memguard.known_leak]] 2: ")
    assert sentence in str(refused.value)


@pytest.mark.parametrize("key", ["policy", "known_leak"])
@pytest.mark.parametrize("written", [1, {"at": "x"}, ["x"], "x"])
def test_tables_that_are_none_are_refused(key: str, written: object) -> None:
    with pytest.raises(SettingsError, match=rf"is written as \[\[tool\.memguard\.{key}\]\] tables, got"):
        settings_from({key: written}, "pyproject.toml")
