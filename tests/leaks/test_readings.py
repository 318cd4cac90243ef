"""What another thread holds for a moment is in no reading."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from pytest_memguard.leaks.readings import Readings

MOMENTARY_BYTES = 5_000_000


@pytest.fixture
def other_thread() -> Iterator[threading.Event]:
    """Return what ends a thread that runs beside the test, however long that takes."""
    done = threading.Event()
    threading.Thread(target=done.wait).start()
    yield done
    done.set()


def test_a_moment_is_not_read(other_thread: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gone when the reading is taken again; what stays is read."""
    readings = Readings()
    readings.take(0)
    held = [bytearray(MOMENTARY_BYTES), bytearray(MOMENTARY_BYTES)]
    monkeypatch.setattr(time, "sleep", lambda _: held.pop() if len(held) > 1 else None)
    readings.take(1)
    monkeypatch.undo()
    before, after = readings.windows()
    readings.close()
    if after.heap_bytes is None or before.heap_bytes is None:
        pytest.skip("the C heap cannot be read here")
    assert 1 <= (after.heap_bytes - before.heap_bytes) / MOMENTARY_BYTES < 1.5
