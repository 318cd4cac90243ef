# ruff: noqa: E501 -- a table reads better with a case a line
"""Results files that cannot be trusted, and what is said about each."""

from __future__ import annotations

import json
from typing import Any

from tests.storage.generated_values import ENVIRONMENT

GOOD: dict[str, Any] = {
    "format": "memguard-results/1",
    "environment": ENVIRONMENT,
    "tests": [
        {"id": "t.py::a", "outcome": "ok", "reason": "", "meter": "memray", "samples": 1,
         "metrics": {"peak": {"measured": 5}}, "a later version's key": [1, {}]},
    ],
    "what a later version adds": {"x": None},
}  # fmt: skip


def changed(place: tuple[str | int, ...], value: object) -> str:
    content = json.loads(json.dumps(GOOD))
    target = content
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = value
    return json.dumps(content)


def leaking(per_call: object) -> str:
    leak = {
        "leaking": True,
        "bytes_per_call": 1,
        "calls": 9,
        "counts": [{"unit": "files", "per_call": per_call}],
    }
    return changed(("tests", 0, "leak"), leak)


SITE = {"file": "a.py", "line": 1, "function": "f", "bytes": 1, "grew_by": 1}
BAD_RESULTS: dict[str, tuple[str, str]] = {
    "truncated": (json.dumps(GOOD)[:-30], "is not JSON: "),
    "a rate of 400 digits": (
        leaking(10**400),
        ("tests[0].leak.counts[0].per_call is 100000000000000000000000000000000000000000000000000000000000...; "
        "accepted is a finite number of at most 63 bits"),
    ),
    "a rate that no thousandfold has": (
        leaking(1e308),
        "tests[0].leak.counts[0].per_call is 1e+308; accepted is a finite number of at most 63 bits",
    ),
    "empty": ("", "is not JSON: "),
    "no object": ("[]", ": the file is []; accepted is an object"),
    "a future format": (
        changed(("format",), "memguard-results/2"),
        ": format is 'memguard-results/2'; accepted is 'memguard-results/1'; a later pytest-memguard made it",
    ),
    "another format": (changed(("format",), "x"), ": format is 'x'; accepted is 'memguard-results/1'."),
    "deep nesting": ('{"format": ' + "[" * 200_000, "is nested too deeply"),
    "NaN": (json.dumps(GOOD).replace('"measured": 5', '"measured": NaN'), "is not JSON: NaN is not a number"),
    "infinity": (json.dumps(GOOD).replace('"measured": 5', '"measured": -Infinity'), "-Infinity is not a number"),
    "a huge int": (
        json.dumps(GOOD).replace('"measured": 5', '"measured": ' + "9" * 30),
        "tests[0].metrics.peak.measured is 999999999999999999999999999999; accepted is a whole number",
    ),
    "an int beyond reading": (json.dumps(GOOD).replace('"measured": 5', '"measured": ' + "9" * 9999), "is not JSON"),
    "a float": (changed(("tests", 0, "metrics", "peak", "measured"), 1.5), "peak.measured is 1.5; accepted is"),
    "a true": (changed(("tests", 0, "metrics", "peak", "measured"), True), "peak.measured is True; accepted is"),
    "an unknown outcome": (
        changed(("tests", 0, "outcome"), "grow"),
        "tests[0].outcome is 'grow'; accepted is an outcome, did you mean 'grew'?",
    ),
    "an outcome that is a list": (changed(("tests", 0, "outcome"), []), "tests[0].outcome is []; accepted is an outcome"),
    "an unknown metric": (
        changed(("tests", 0, "metrics"), {"peek": {"measured": 1}}),
        "tests[0].metrics is 'peek'; accepted is a metric, did you mean 'peak'?",
    ),
    "no id": (changed(("tests", 0, "id"), ""), "tests[0].id is ''; accepted is a node id"),
    "an id that is a number": (changed(("tests", 0, "id"), 5), "tests[0].id is 5; accepted is a text"),
    "an id without end": (changed(("tests", 0, "id"), "x" * 20_001), "accepted is a text of up to 20,000 characters"),
    "half a character": (changed(("tests", 0, "id"), "\ud800"), "accepted is text that UTF-8 can encode"),
    "tests is an object": (changed(("tests",), {}), ": tests is {}; accepted is a list"),
    "a test is a text": (changed(("tests", 0), "x"), "tests[0] is 'x'; accepted is an object"),
    "an environment that is a path": (
        changed(("environment",), "../../x"),
        ": environment is '../../x'; accepted is a key such as 'cpython-3.11-linux-x86_64'",
    ),
    "negative samples": (changed(("tests", 0, "samples"), -1), "tests[0].samples is -1; accepted is"),
    "no meter": (changed(("tests", 0, "meter"), None), "tests[0].meter is None; accepted is a text"),
    "an absolute path": (
        changed(("tests", 0, "sites"), [{**SITE, "file": "/etc/passwd"}]),
        "tests[0].sites[0].file is '/etc/passwd'; accepted is a path relative to the project, without '..'",
    ),
    "a path upwards": (changed(("tests", 0, "sites"), [{**SITE, "file": "a/../../b"}]), "sites[0].file is"),
    "a drive": (changed(("tests", 0, "sites"), [{**SITE, "file": "C:\\x"}]), "sites[0].file is"),
    "a negative line": (changed(("tests", 0, "sites"), [{**SITE, "line": -1}]), "sites[0].line is -1"),
    "a test twice": (changed(("tests",), [GOOD["tests"][0]] * 2), "the test 't.py::a' occurs twice"),
    "made_with of numbers": (changed(("made_with",), {"python": 3}), ": made_with.python is 3; accepted is a text"),
}  # fmt: skip
