"""The curves of accepted tests, in a file of their own beside the baseline of a module.

Reports compare with them, and the verdict does not depend on them. An unreadable file counts as empty.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.errors import ResultsError
from pytest_memguard.core.metrics import PEAK
from pytest_memguard.core.sample import Curve
from pytest_memguard.core.units import KIB, MIB
from pytest_memguard.storage.bounded_reading import read_regular
from pytest_memguard.storage.checked_json import Part
from pytest_memguard.storage.measurement_format import CURVE

SUFFIX = ".curves"
LEAST_PEAK_BYTES = 64 * KIB
"""Below it a curve shows little; most tests of a large suite are below."""

_LARGEST_FILE_BYTES = 8 * MIB
_WHOLE = 1000
"""Points are kept as thousandths of the highest: a curve takes some 300 bytes, and 600 at the most."""


def curves_text(curves: Mapping[str, Curve], entries: Mapping[str, Entry]) -> str:
    """Write the curves of entries, one line each; nothing if no curve is worth keeping."""
    lines = [
        f"{json.dumps(key)}: {json.dumps(_thousandths(curves[key], entries[key]))}"
        for key in sorted(curves)
        if key in entries and entries[key].metrics.get(PEAK, 0) >= LEAST_PEAK_BYTES
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n" if lines else ""


def read_curves(path: Path, entries: Mapping[str, Entry]) -> dict[str, Curve]:
    """Return the curves of entries that are still as they were when their curves were kept."""
    found: dict[str, Curve] = {}
    try:
        content = read_regular(path, _LARGEST_FILE_BYTES)
        data = json.loads(content.decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return found
    for key, value in data.items() if isinstance(data, dict) else ():
        if key in entries and isinstance(value, dict) and value.get(PEAK) == entries[key].metrics.get(PEAK):
            with contextlib.suppress(ResultsError):
                found[key] = _curve(Part(value, key))
    return found


def _thousandths(curve: Curve, entry: Entry) -> dict[str, object]:
    top = max(1, *curve.held_bytes)
    return {
        PEAK: entry.metrics[PEAK],
        "unit": curve.unit,
        "length": curve.length,
        "top": top,
        "held": [round(_WHOLE * held / top) for held in curve.held_bytes],
    }


def _curve(part: Part) -> Curve:
    kept = CURVE.read(part)
    top = part.field("top").count()
    held = tuple(max(0, min(share, _WHOLE)) * top // _WHOLE for share in kept.held_bytes)
    return Curve(kept.unit, kept.length, held)
