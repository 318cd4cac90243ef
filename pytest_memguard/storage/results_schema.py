"""The JSON Schema of the results file, made from its format."""

from __future__ import annotations

from pytest_memguard.storage.json_kinds import DEFINITIONS, Schema
from pytest_memguard.storage.measurement_format import MEASURED, MEASUREMENT
from pytest_memguard.storage.results_format import FORMAT, RUN, TEST


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
            **DEFINITIONS,
            "measurement": MEASUREMENT.schema(),
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
