"""Finds growth that was accepted or tolerated in small steps and adds up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_memguard.core.history import Past
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.policy import CreepLimit, Policy
from pytest_memguard.core.tolerance import Tolerance
from pytest_memguard.core.verdict import Creep, CreepStep, MetricVerdict, Verdict
from pytest_memguard.gate.grown_sites import grown_sites
from pytest_memguard.gate.wording import creep_text


def with_creep(verdict: Verdict, measurement: Measurement, past: Past, policy: Policy) -> Verdict:
    """Add what crept up since `past` to a verdict; of a test that is otherwise ok it is the outcome."""
    is_ok = verdict.outcome is Outcome.OK
    creeps = (_creep(judged, past, policy, is_tolerated=is_ok) for judged in verdict.metrics)
    found = [creep for creep in creeps if creep is not None]
    if not found:
        return verdict
    worst = max(found, key=lambda creep: creep.measured / max(creep.was, 1))
    if not is_ok:
        return replace(verdict, creep=worst)
    judged = verdict.metric(worst.metric)
    as_grown = judged and replace(judged, outcome=Outcome.GREW)
    return replace(
        verdict,
        outcome=Outcome.CREPT,
        reason=creep_text(worst),
        metrics=tuple(
            replace(one, outcome=Outcome.CREPT) if one is judged else one for one in verdict.metrics
        ),
        sites=grown_sites(measurement, past.entry, as_grown),
        creep=worst,
    )


def _creep(judged: MetricVerdict, past: Past, policy: Policy, *, is_tolerated: bool) -> Creep | None:
    """Judge one metric: by what it is now over what it was, and by more than any single step.

    One step that was accepted openly is a decision, however large it was, and whether it is committed yet or
    not; nobody decided on small steps that add up to as much beside the largest one. Growth that is not
    `is_tolerated` is told by the verdict itself, and only what was accepted is looked at.
    """
    was = past.entry.metrics.get(judged.name)
    limit = policy.creep
    if limit is None or was is None or judged.baseline is None or judged.limit is None:
        return None
    accepted = tuple(_accepted_steps(judged.name, past))
    steps = tuple(step for step in accepted if step.now > step.was)
    now = judged.measured if is_tolerated else min(judged.measured, judged.baseline)
    growth = now - was
    allowed = _allowed(limit, judged.name, policy).allowance_bytes(was)
    uncommitted = judged.baseline - (accepted[-1].now if accepted else was)
    beside_largest = growth - max([uncommitted, *(step.now - step.was for step in steps)])
    if growth <= allowed or beside_largest <= min(allowed, judged.limit - judged.baseline):
        return None
    return Creep(judged.name, past.since, was, judged.baseline, now, str(limit), steps)


def _allowed(limit: CreepLimit, name: str, policy: Policy) -> Tolerance:
    """Return what growth may add up to; below the tolerated number of bytes nothing creeps."""
    tolerated = policy.tolerances.get(name)
    return Tolerance(limit.share, tolerated.absolute_bytes if tolerated else 0)


def _accepted_steps(name: str, past: Past) -> Iterator[CreepStep]:
    """Yield what each commit accepted for a metric, and what was accepted before it."""
    accepted = past.entry.metrics.get(name, 0)
    for step in past.steps:
        was = step.was.metrics.get(name, accepted) if step.was is not None else accepted
        accepted = step.now.metrics.get(name, was) if step.now is not None else was
        commit = step.commit
        yield CreepStep(commit.id, commit.day, commit.author, was, accepted, step.note)
