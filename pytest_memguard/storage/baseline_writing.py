"""Writes the baseline of one module as text."""

from __future__ import annotations

from pytest_memguard.core.entries import Entry, ModuleBaseline
from pytest_memguard.core.metrics import COUNTED_UNITS, METRICS
from pytest_memguard.core.run_results import meter_name
from pytest_memguard.storage.yaml_writing import write_flow, write_key, write_quoted, write_text

FORMAT = 1
_HEADING = "# Accepted memory of "
_ADVICE = ". Change it with `memguard accept`; review it like code."


def is_heading(line: str) -> bool:
    """Say whether a line is the first one of some module's file: that of a moved file names the old one.

    >>> is_heading("# Accepted memory of test_a.py. Change it with `memguard accept`; review it like code.")
    True
    """
    return line.startswith(_HEADING) and line.endswith(_ADVICE)


def module_text(baseline: ModuleBaseline) -> str:
    """Write the canonical text; `ValueError` where a name cannot be written as UTF-8."""
    shown = baseline.module if baseline.module.isprintable() else ascii(baseline.module)
    lines = [f"{_HEADING}{shown}{_ADVICE}", f"format: {FORMAT}"]
    if baseline.meter:
        lines.append(f"meter: {write_text(baseline.meter)}")
    if baseline.made_with:
        lines.append(f"made_with: {write_flow(dict(sorted(baseline.made_with.items())))}")
    lines.append("tests:")
    for key in sorted(baseline.entries):
        lines.append(write_key(key, "  "))
        _write_entry(baseline.entries[key], lines, meter_name(baseline.meter))
    return "\n".join(lines) + "\n"


def _write_entry(entry: Entry, lines: list[str], usual_meter: str) -> None:
    lines.extend(f"    {name}: {entry.metrics[name]:_}" for name in METRICS if name in entry.metrics)
    if not entry.is_of(usual_meter):
        lines.append(f"    meter: {write_text(entry.meter)}")
    if counted := entry.leaks_per_1000_calls:
        counts = {unit: counted[unit] for unit in COUNTED_UNITS if unit in counted}
        lines.append(f"    leaks_per_1000_calls: {write_flow(counts)}")
    if entry.spread:
        spread = {name: entry.spread[name] for name in METRICS if name in entry.spread}
        lines.append(f"    spread: {write_flow(spread)}")
    if entry.note:
        lines.append(f"    note: {write_text(entry.note)}")
    if entry.sites:
        lines.append("    sites:")
    for site in entry.sites:
        held = {"peak": site.peak_bytes, "retained": site.retained_bytes}
        parts = "".join(f", {name}: {size:_}" for name, size in held.items() if size)
        lines.append(f"    - {{at: {write_quoted(site.at)}{parts}}}")
