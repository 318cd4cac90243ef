"""The JSON Schema of the results file, made from its format."""

from __future__ import annotations

from typing import Any

from pytest_memguard.core.verdict import Outcome
from pytest_memguard.storage.json_kinds import DEFINITIONS, SIZE, Record, Schema, by_name
from pytest_memguard.storage.measurement_format import (
    BOUND,
    COUNT_GROWTH,
    CURVE,
    KIND_GROWTH,
    KNOWN_GROWTH,
    LEAK,
    MEASURED,
    MEASUREMENT,
    MEETING,
    METRIC_NAME,
    SITE,
    SITE_BYTES,
)
from pytest_memguard.storage.results_format import (
    CREEP,
    FORMAT,
    GROWN_SITE,
    METRIC,
    PROBLEM,
    QUARANTINE,
    RUN,
    TEST,
)

NAMED: dict[str, Record[Any]] = {
    "site": SITE,
    "met": MEETING,
    "site_bytes": SITE_BYTES,
    "metric": METRIC,
    "count": COUNT_GROWTH,
    "known_growth": KNOWN_GROWTH,
    "kind_growth": KIND_GROWTH,
    "bound": BOUND,
    "curve": CURVE,
    "leak": LEAK,
    "grown_site": GROWN_SITE,
    "quarantine": QUARANTINE,
    "creep": CREEP,
    "problem": PROBLEM,
    "measurement": MEASUREMENT,
}
"""Every record that the schema and the reference name."""


def schema() -> Schema:
    """Return the JSON Schema of a results file."""
    run, test, measured = RUN.schema(), TEST.schema(), MEASURED.schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "memguard-results-1.schema.json",
        "title": "Results of one pytest-memguard run",
        "description": "Readers ignore keys that are not listed here. All sizes are bytes.",
        "type": "object",
        "properties": {
            "format": {"const": FORMAT},
            **run["properties"],
            "tests": {"type": "array", "items": {"$ref": "#/$defs/test"}},
        },
        "required": ["format", *run["required"], "tests"],
        "$defs": {
            "outcome": {"enum": [outcome.value for outcome in Outcome]},
            **DEFINITIONS,
            "sizes": by_name(SIZE, METRIC_NAME).schema,
            **{name: record.schema() for name, record in NAMED.items()},
            "test": {
                "type": "object",
                "properties": {
                    **test["properties"],
                    **measured["properties"],
                    "measurement": {"$ref": "#/$defs/measurement"},
                },
                "required": test["required"],
                "dependentRequired": {"samples": ["meter"]},
            },
        },
    }
