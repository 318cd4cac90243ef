"""What a fixture patches is as it was while memguard's own code runs, and patched again after it."""

from __future__ import annotations

import pathlib
from unittest import mock

import pytest

from pytest_memguard.core.unpatched import Unpatched, remember_real_names


@pytest.mark.parametrize("name", ["open", "read_bytes", "joinpath", "with_name"])
def test_a_method_that_a_class_inherits_is_put_back_and_patched_again(name: str) -> None:
    """On CPython 3.13, `pathlib.Path` has some of them from two of its bases."""
    remember_real_names()
    real = getattr(pathlib.Path, name)
    with mock.patch.object(pathlib.Path, name) as patched:
        with Unpatched():
            assert getattr(pathlib.Path, name) is real
        assert getattr(pathlib.Path, name) is patched
    assert getattr(pathlib.Path, name) is real
