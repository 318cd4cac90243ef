"""The options of pytest, declared once. Every run of pytest loads this module, guarded or not."""

from __future__ import annotations

from pytest_memguard.core.meters import BEST_METER, METERS
from pytest_memguard.core.paths import BASELINE_PATH, RESULTS_PATH

SWITCHES = {
    "--memguard": "measure guarded tests, compare with the baseline, and fail on growth",
    "--memguard-all": "guard every test, marked or not (implies --memguard)",
    "--memguard-leaks": "check every guarded test for leaks (implies --memguard)",
    "--memguard-accept": "accept into the baseline what this run measures (implies --memguard)",
    "--memguard-advisory": "report everything, fail nothing",
}
"""Options that take no value, each with its help."""

VALUES = {
    "--memguard-baseline": ("DIR", f"folder of the baseline; default {BASELINE_PATH}"),
    "--memguard-json": ("PATH", f"write the results file here, in addition to {RESULTS_PATH}"),
    "--memguard-html": ("PATH", "also write the report here, as one page that works offline"),
    "--memguard-meter": ("NAME", f"{' or '.join(METERS)}; default is {BEST_METER} where it works"),
    "--memguard-tolerance": (
        "TOLERANCE",
        "tolerated growth for every test, such as '5%%', '64 KiB' or '5%%, 64 KiB'",
    ),
    "--memguard-order": ("NUMBER", "run only this order of turns in tests with threads or tasks"),
    "--memguard-fail-on": ("OUTCOMES", "outcomes that fail, separated by commas"),
    "--memguard-profiles": ("WHICH", "keep the captures of failed, all or none of the tests; default failed"),
}
"""Options that take a value, each with the value's name and its help."""

OPTION_DESTS = frozenset(name.removeprefix("--").replace("-", "_") for name in (*SWITCHES, *VALUES))
"""What pytest calls the options in `config.option`."""
