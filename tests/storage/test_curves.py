"""The curves beside a baseline: small, dropped when they no longer fit, and never needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.sample import CURVE_POINTS, Curve
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.curves import LEAST_PEAK_BYTES, curves_text, read_curves
from tests.hypothesis_profile import WITH_FIXTURES
from tests.storage.generated_values import ENVIRONMENT

CURVE = Curve("records", 500, (0, 50_000, 1_000_000, 250_000))
MILLION = Entry({"peak": 1_000_000})


@pytest.fixture
def store(tmp_path: Path) -> BaselineStore:
    return BaselineStore(tmp_path / "baseline", ENVIRONMENT)


def test_a_curve_stays_with_its_entry(store: BaselineStore) -> None:
    store.update({"t.py::a": MILLION, "t.py::b": MILLION}, curves={"t.py::a": CURVE, "t.py::b": CURVE})
    assert store.curves("t.py") == {"a": CURVE, "b": CURVE}
    store.update({"t.py::a": Entry({"peak": 2_000_000})})
    assert list(store.curves("t.py")) == ["b"]
    store.update({"t.py::b": None})
    assert not store.curves_path_of("t.py").exists()
    assert store.path_of("t.py").exists()


def test_a_curve_of_another_entry_is_not_shown(store: BaselineStore) -> None:
    store.update({"t.py::a": MILLION}, curves={"t.py::a": CURVE})
    path = store.path_of("t.py")
    path.write_text(path.read_text(encoding="utf-8").replace("1_000_000", "1_000_001"), encoding="utf-8")
    assert store.curves("t.py") == {}


@pytest.mark.parametrize(
    "text", ["", "[" * 100_000, "null", '{"a": 1}', '{"a": {"peak": 1000000}}', "<<<<<<< HEAD\n", "\xff"]
)
def test_a_file_that_cannot_be_read_holds_no_curve(store: BaselineStore, text: str) -> None:
    store.update({"t.py::a": MILLION}, curves={"t.py::a": CURVE})
    store.curves_path_of("t.py").write_bytes(text.encode("latin-1"))
    assert store.curves("t.py") == {}
    store.update({"t.py::a": MILLION}, curves={"t.py::a": CURVE})
    assert store.curves("t.py") == {"a": CURVE}


def test_a_small_test_keeps_none(store: BaselineStore) -> None:
    small = Entry({"peak": LEAST_PEAK_BYTES - 1})
    store.update({"t.py::a": small}, curves={"t.py::a": CURVE})
    assert not store.curves_path_of("t.py").exists()


@WITH_FIXTURES
@given(held=st.lists(st.integers(0, 2**40), min_size=1, max_size=CURVE_POINTS))
def test_a_curve_takes_few_bytes_and_comes_back_nearly_as_it_was(tmp_path: Path, held: list[int]) -> None:
    entries = {"test_name": Entry({"peak": 2**40})}
    path = tmp_path / "t.curves"
    path.write_text(
        curves_text({"test_name": Curve("records", 2**40, tuple(held))}, entries), encoding="utf-8"
    )
    assert path.stat().st_size < 650
    back = read_curves(path, entries)["test_name"].held_bytes
    assert all(abs(one - other) <= max(held) / 1000 + 1 for one, other in zip(back, held, strict=True))


def test_reading_nothing_finds_nothing(tmp_path: Path) -> None:
    assert read_curves(tmp_path / "none.curves", {}) == {}
