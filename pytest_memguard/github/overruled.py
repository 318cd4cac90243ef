"""Overrides settings of the checkout where the workflow itself says what fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from pytest_memguard.core.policy import Policy
from pytest_memguard.core.readers import declarations
from pytest_memguard.core.run_results import ProblemKind, RunProblem, RunResults
from pytest_memguard.core.settings import DEFAULT_FAIL_ON_IN_CI, Settings
from pytest_memguard.github.inputs import Inputs

_WARN = declarations(Policy)["on_growth"].weak


def enforced(results: RunResults, settings: Settings, inputs: Inputs) -> RunResults:
    """Name each setting that would let something pass and is ignored, and end a quarantine of all tests.

    A quarantine of some tests is reviewed together with them and named in every report, so it stays in
    effect. A quarantine of every test would switch the gate off.
    """
    said = "mode: check" if inputs.fail_on is None else f"fail-on: {', '.join(inputs.fail_on)}"
    problems = tuple(
        RunProblem(
            ProblemKind.OVERRULED,
            f"{settings.source}: {written} is ignored, since the workflow says {said}.",
            fails=False,
        )
        for written in _weakening(settings, results, inputs)
    )
    if _quarantines_all(settings, results):
        tests = (replace(test, verdict=replace(test.verdict, quarantine=None)) for test in results.tests)
        results = replace(results, tests=tuple(tests))
    return replace(results, problems=(*results.problems, *problems))


def _weakening(settings: Settings, results: RunResults, inputs: Inputs) -> Iterator[str]:
    for key, one in declarations(Settings).items():
        value = getattr(settings, one.name)
        is_weak = one.weak is not None and value == one.weak
        if is_weak and getattr(inputs, one.name, None) != value:  # an input of the same name allows it
            yield f"{key} = {json.dumps(value)}"
    wanted = DEFAULT_FAIL_ON_IN_CI if inputs.outcomes_that_fail is None else inputs.outcomes_that_fail
    if settings.fail_on is not None and not {*wanted} <= {*settings.fail_on}:
        yield f"fail_on = {[*settings.fail_on]}"
    if _quarantines_all(settings, results):
        yield f'on_growth = "{_WARN}" for every test'


def _quarantines_all(settings: Settings, results: RunResults) -> bool:
    if (settings.written or {}).get("on_growth") == _WARN:
        return True
    guarded = results.guarded
    return len(guarded) > 1 and any(
        policy.written.get("on_growth") == _WARN and all(policy.matches(test.id) for test in guarded)
        for policy in settings.policies
    )
