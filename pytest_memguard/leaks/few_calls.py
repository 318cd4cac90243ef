"""Decides whether growth in the few calls of a slow body is a leak, or may be a library's cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pytest_memguard.core.leak_finding import Doubt, LeakFinding
from pytest_memguard.leaks.ladder import EVIDENT_BYTES, TURNED_OVER_CALLS


def is_proved(finding: LeakFinding, *, is_of_program: bool, still_leaks: Callable[[], bool]) -> bool:
    """Say whether a leak is one, whatever caches the standard library and extensions have.

    A container of the program's code without a bound, to which each call adds, proves it. So does much at
    each call, if that goes on after the further calls that looked for lines and holders.
    """
    if finding.calls >= TURNED_OVER_CALLS or Doubt.COULD_BE_CACHE not in finding.doubts:
        return True
    if is_of_program or finding.counts:
        return True
    return finding.bytes_per_call >= EVIDENT_BYTES and still_leaks()


def without_proof(finding: LeakFinding) -> LeakFinding:
    """Return a finding without an answer in place of a leak that few calls do not prove."""
    return replace(
        finding,
        leaking=False,
        bytes_per_call=0,
        settled_bytes=finding.bytes_per_call * finding.calls,
        doubt_bytes=0,
        is_accelerating=False,
        fingerprint="",
        doubts=(Doubt.NO_HOLDER,),
    )
