from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pipeline import by_sensor, calibrate, load

from pytest_memguard import MemguardFixture


@pytest.fixture(scope="session")
def readings_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("readings") / "readings.npy"
    np.save(path, np.random.default_rng(1).normal(20, 5, size=(100_000, 8)))
    return path


@pytest.mark.memguard(max_peak="8 MiB")
def test_pipeline(readings_file: Path, memguard: MemguardFixture) -> None:
    readings = load(readings_file)
    with memguard.measure("calibrate"):
        readings = calibrate(readings)
    table = by_sensor(readings)
    assert table["mean"].between(0.4, 0.6).all()
