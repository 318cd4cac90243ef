"""Sensor readings, from a file of raw numbers to a table by sensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Readings = npt.NDArray[np.float64]


def load(path: Path) -> Readings:
    """Return the readings: a row for each moment, a column for each sensor."""
    return np.load(path)  # type: ignore[no-any-return] # numpy says no more than Any


def calibrate(readings: Readings) -> Readings:
    """Bring the readings of every sensor between 0 and 1, in the array that was given."""
    readings -= readings.min(axis=0)
    readings /= readings.max(axis=0)
    return readings


def by_sensor(readings: Readings) -> pd.DataFrame:
    """Return the first, the last and the mean reading of each sensor."""
    return pd.DataFrame({"first": readings[0], "last": readings[-1], "mean": readings.mean(axis=0)})
