"""Sizes, shares and durations: what is printed reads back, and what cannot be read is refused by name."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.core.errors import ValueFormError
from pytest_memguard.core.units import (
    format_apart,
    format_growth,
    format_share,
    format_size,
    parse_count,
    parse_seconds,
    parse_share,
    parse_size,
)

SIZES = st.integers(0, 2**50)


@given(SIZES)
def test_a_printed_size_reads_back_within_its_rounding(size: int) -> None:
    shown = format_size(size)
    assert abs(parse_size(shown) - size) <= 0.05 * parse_size(f"1 {shown.split()[1]}") + 1
    assert format_growth(size) == f"+{shown}"


@given(SIZES, SIZES)
def test_different_sizes_never_look_equal(one: int, other: int) -> None:
    shown = format_apart(one, other)
    assert (shown[0] == shown[1]) == (one == other)


@given(st.floats(-10, 1e6))
def test_a_share_that_is_not_zero_never_looks_like_zero(share: float) -> None:
    shown = format_share(share)
    assert shown.endswith("%")
    assert shown[0] in "+-"
    if abs(share) >= 1e-6:
        assert float(shown[:-1]) != 0


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [
        ("0", 0),
        ("64 KiB", 65536),
        ("64KiB", 65536),
        ("64 kib", 65536),
        ("1.5 MiB", 1572864),
        ("10 MB", 10_000_000),
        ("1_000", 1000),
        ("1,000 B", 1000),
        ("2 GiB", 2**31),
        ("1 TiB", 2**40),
        (72, 72),
    ],
)
def test_sizes_that_are_read(written: object, size_bytes: int) -> None:
    assert parse_size(written) == size_bytes


@pytest.mark.parametrize(
    "written",
    ["", " ", "KiB", "64 K", "64 KiBs", "-1", "1e6", "٣ KiB", "1.5.2 MB", -1, 1.5, True, None, ["1"]],
)
def test_sizes_that_are_refused(written: object) -> None:
    with pytest.raises(ValueFormError) as refused:
        parse_size(written)
    assert repr(written) in str(refused.value)
    assert "'64 KiB'" in str(refused.value)


@pytest.mark.parametrize(
    ("written", "seconds"), [("1.5 s", 1.5), ("500 ms", 0.5), ("2 min", 120), (3, 3), ("2", 2)]
)
def test_durations_that_are_read(written: object, seconds: float) -> None:
    assert parse_seconds(written) == seconds


@pytest.mark.parametrize("written", [0, -1, "0 s", "1 h", "", None, True, "s", float("nan"), float("inf")])
def test_durations_that_are_refused(written: object) -> None:
    with pytest.raises(ValueFormError, match="is not a duration"):
        parse_seconds(written)


@pytest.mark.parametrize("written", ["5", "%", "-5%", "five%", 5, None])
def test_shares_that_are_refused(written: object) -> None:
    with pytest.raises(ValueFormError, match="is not a share"):
        parse_share(written)


@pytest.mark.parametrize("written", ["", "1.0", "-1", 1.0, True, None, "1e3"])
def test_counts_that_are_refused(written: object) -> None:
    with pytest.raises(ValueFormError, match="is not a count"):
        parse_count(written)


@pytest.mark.parametrize("written", ["0\x1f", "1_", "1__0"])
def test_counts_with_odd_spaces_and_separators_are_read(written: str) -> None:
    assert parse_count(written) == int("".join(filter(str.isdigit, written)))


@pytest.mark.parametrize("reader", [parse_size, parse_count, parse_share, parse_seconds])
@pytest.mark.parametrize("unit", ["", "%", " s"])
def test_numbers_of_hundreds_of_digits_are_refused(reader: Callable[[object], float], unit: str) -> None:
    with pytest.raises(ValueFormError):
        reader("9" * 5_000 + unit)


@pytest.mark.parametrize("reader", [parse_size, parse_count, parse_share, parse_seconds])
@given(st.text(max_size=30) | st.floats() | st.integers() | st.booleans() | st.none() | st.binary(max_size=3))
def test_any_value_is_read_or_refused_by_name(reader: Callable[[object], float], written: object) -> None:
    try:
        value = reader(written)
    except ValueFormError as error:
        assert repr(written) in str(error)  # noqa: PT017 - a value that is read is as good
    else:
        assert 0 <= value < math.inf
