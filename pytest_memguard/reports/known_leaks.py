"""Writes the section on known leaks: what they added to each call of tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_memguard.core.leak_finding import KnownGrowth
from pytest_memguard.core.run_results import RunResults
from pytest_memguard.core.units import counted, format_size
from pytest_memguard.reports.untrusted import shortened


def known_leak_lines(results: RunResults, *, verbose: bool) -> Iterator[str]:
    """Yield each known leak once, with its largest rate and its number of tests; `verbose` adds its place."""
    found: dict[KnownGrowth, list[int]] = {}
    for test in results.tests:
        for growth in test.leak.known if test.leak is not None else ():
            found.setdefault(replace(growth, bytes_per_call=0), []).append(growth.bytes_per_call)
    if found:
        yield f"{counted(len(found), 'known leak')}:"
    for growth, sizes in found.items():
        tests = counted(len(sizes), "test")
        yield f"  {format_size(max(sizes))} a call in {tests}: {shortened(growth.reason)}"
        described = growth.reference and f"shipped with memguard: {growth.reference}"
        if verbose and (growth.entry or described):
            yield f"    {shortened(growth.entry or described)}"
