"""What crosses to the interpreter of a fresh test and back arrives as it was, whatever fields there are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.plain_values import from_plain, to_plain
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.sample import Sample


def is_itself(plain: object) -> bool:
    """Say whether there is no NaN in it, which equals nothing."""
    return "NaN" not in json.dumps(plain)


@pytest.mark.parametrize("kind", [Policy, Sample, LeakFinding])
@given(data=st.data())
def test_every_field_comes_back(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))
    plain = to_plain(value)
    if is_itself(plain):
        assert to_plain(from_plain(kind, json.loads(json.dumps(plain)))) == plain
