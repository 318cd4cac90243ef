from __future__ import annotations

import pytest
import rle

pytestmark = pytest.mark.memguard(leaks=True, native=True)

PACKED = b"\x03a\x01b" * 50


def test_unpacks_runs() -> None:
    assert rle.unpack(PACKED) == b"aaab" * 50


def test_refuses_a_count_without_its_byte() -> None:
    with pytest.raises(ValueError, match="a count without its byte"):
        rle.unpack(PACKED + b"\x03")
