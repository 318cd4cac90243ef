"""The content of the page as JSON values, with escaped texts, and without what is not shown."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence

from pytest_memguard.core.history import HistoryStep, TestHistory
from pytest_memguard.core.leak_finding import Answer, Doubt, LeakFinding
from pytest_memguard.core.metrics import PEAK
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults, TestResult
from pytest_memguard.core.sample import Curve
from pytest_memguard.core.units import format_change, format_growth, format_size
from pytest_memguard.core.verdict import GrownSite, MetricVerdict
from pytest_memguard.gate.wording import before_text, doubts_text, figures_text, met_text
from pytest_memguard.reports.rows import Row, growth_bytes, row
from pytest_memguard.reports.untrusted import printable

NAME_CHARACTERS = 400
TEXT_CHARACTERS = 800
STEPS = 60
ITEMS = 24
"""The most sites, holders and notes of one test that are shown; a results file may have thousands."""

Values = dict[str, object]


def name(text: str) -> str:
    """Return a name as the page shows it."""
    return printable(text, at_most=NAME_CHARACTERS)


def run_content(results: RunResults, headline: str) -> Values:
    """Return the content about a run as a whole."""
    return {
        "environment": results.environment,
        "headline": headline,
        "failed": results.failed,
        "meter": name(results.meter),
        "made_with": [
            f"{name(key)} {name(version)}" for key, version in list(results.made_with.items())[:ITEMS]
        ],
        "problems": [
            {"text": _text(problem.sentence), "fails": problem.fails} for problem in results.problems[:ITEMS]
        ],
        "advisory": results.advisory,
        "tests": len(results.tests),
    }


def test_content(test: TestResult, shown: Row) -> Values:
    """Return the content about a test; empty parts are left out, since most tests are ok."""
    deciding = test.verdict.deciding or test.verdict.metric(PEAK)
    values: Values = {
        "id": name(test.id),
        "outcome": str(test.outcome),
        "metrics": [_metric(metric) for metric in test.verdict.told],
        "fails": test.fails,
        "change": _change(deciding),
        "grew": growth_bytes(test.verdict.metrics),
        "leak": _leak(test.leak) if test.leak is not None else None,
    }
    if test.outcome is not Outcome.OK or test.hints:
        values |= _details(test, shown)
    return {key: value for key, value in values.items() if value not in ("", None, False, 0, [])}


def _details(test: TestResult, shown: Row) -> Values:
    measured = test.measurement
    return {
        "reason": _text(shown.sentence),
        "further": _texts(shown.further),
        "sites": [_site(site) for site in test.verdict.sites[:ITEMS]],
        "more_sites": max(0, len(test.verdict.sites) - ITEMS),
        "held_by": _texts(shown.held_by),
        "kinds": _text(shown.kinds),
        "bounds": _texts(shown.bounds),
        "notes": _texts((*shown.remarks, *shown.blind)),
        "hints": _texts(shown.hints),
        "first_costs": _texts(shown.first_costs),
        "accepted_note": _text(shown.accepted_note),
        "curve": _curve(measured.curve if measured else None),
        "accepted_curve": _curve(test.accepted_curve),
        "samples": measured.samples if measured else 0,
        "commands": _commands(test),
    }


def _text(text: str) -> str:
    return printable(text, at_most=TEXT_CHARACTERS)


def _texts(texts: Iterable[str]) -> list[str]:
    return [_text(text) for text in list(texts)[:ITEMS]]


def _metric(metric: MetricVerdict) -> Values:
    values: Values = {
        "name": metric.name,
        "label": metric.metric.label,
        "isCount": metric.metric.is_count or None,
        "measured": metric.measured,
        "baseline": metric.baseline,
        "limit": metric.limit,
        "outcome": str(metric.outcome) if metric.outcome is not Outcome.OK else None,
        "rule": name(metric.rule) if metric.outcome is not Outcome.OK else None,
        "text": figures_text(metric) if metric.outcome is not Outcome.OK else None,
    }
    return {key: value for key, value in values.items() if value is not None}


def _change(metric: MetricVerdict | None) -> str:
    if metric is None or not metric.baseline:  # growth from zero has no share
        return ""
    if metric.metric.is_count or not (share := format_change(metric.measured, metric.baseline)):
        return metric.metric.growth_text(metric.measured - metric.baseline)
    return share if metric.measured != metric.baseline else ""


def _curve(curve: Curve | None) -> Values | None:
    if curve is None or not curve.held_bytes:
        return None
    return {"unit": curve.unit, "length": curve.length, "held": list(curve.held_bytes)}


def _site(grown: GrownSite) -> Values:
    site = grown.site
    values: Values = {
        "place": name(site.file if grown.lines else f"{site.file}:{site.line}"),
        "function": name(site.function),
        "bytes": grown.size_bytes,
        "was": grown.was_bytes,
        "met": _met(grown),
        "growth": format_growth(grown.grew_by_bytes) if grown.counted is None else None,
        "inner": name(f"{grown.inner.file}:{grown.inner.line}") if grown.inner else None,
        "lines": [
            {"line": each.line, "bytes": each.size_bytes, "text": name(each.text)}
            for each in grown.lines[:ITEMS]
        ],
    }
    return {key: value for key, value in values.items() if value is not None}


def _met(grown: GrownSite) -> Values | None:
    met = grown.met
    if met is None:
        return None
    return {
        "threads": met.threads,
        "each": format_size(met.each_bytes),
        "after": name(f"{met.after.file}:{met.after.line}"),
        "before": name(before_text(met)),
        "says": _text(met_text(grown)),
    }


def history_content(history: TestHistory) -> list[Values]:
    """Return what was accepted in each commit of the baseline, the last ones."""
    return [_step(step) for step in history.steps[-STEPS:]]


def _step(step: HistoryStep) -> Values:
    peak = step.now.metrics.get(PEAK) if step.now else None
    was = step.was.metrics.get(PEAK) if step.was else None
    values: Values = {
        "day": step.commit.day.isoformat(),
        "seconds": step.commit.seconds,
        "commit": step.commit.short,
        "author": name(step.commit.author),
        "says": _text(step.note or step.commit.subject),
        "peak": peak,
        "change": format_change(peak, was) if peak is not None and was else "",
        "renamed": name(step.renaming.old_id) if step.renaming else "",
    }
    return {key: value for key, value in values.items() if value not in ("", None)}


def _leak(leak: LeakFinding) -> Values:
    return {
        "answer": leak.answer.value,
        "says": _ANSWERS[leak.answer](leak),
        "calls": leak.calls,
        "rate": leak.bytes_per_call,
        "settled": leak.settled_bytes,
        "settles_at": sum(bound.settles_at_bytes for bound in leak.bounds),
        "readings": [[reading.calls, reading.held_bytes] for reading in leak.readings],
        "judged_from": leak.judged_from_calls,
    }


def _leaks(leak: LeakFinding) -> str:
    if not leak.bytes_per_call:
        return f"No bytes pile up, but something else does, over {leak.calls:,} calls."
    how = "rising" if leak.is_accelerating else "steady"
    end = " It could be a cache that still fills." if Doubt.COULD_BE_CACHE in leak.doubts else ""
    rate = format_size(leak.bytes_per_call)
    return f"A leak: {rate} stay behind with every call, {how} to the last of {leak.calls:,}.{end}"


def _settles(leak: LeakFinding) -> str:
    return f"No leak: after {leak.calls:,} calls it has levelled off at {format_size(leak.settled_bytes)}."


def _bounded(leak: LeakFinding) -> str:
    return f"No leak: it fills up to a bound, and will settle at {format_size(leak.settled_bytes)}."


def _cannot_tell(leak: LeakFinding) -> str:
    return f"No answer: {_text(doubts_text(leak)) or f'{leak.calls:,} calls were too few'}."


_ANSWERS: dict[Answer, Callable[[LeakFinding], str]] = {
    Answer.LEAKS: _leaks,
    Answer.SETTLES: _settles,
    Answer.BOUNDED: _bounded,
    Answer.CANNOT_TELL: _cannot_tell,
}


def _commands(test: TestResult) -> list[Values]:
    """Return the next commands, for ids that can be given to a shell unchanged."""
    if test.id != name(test.id) or test.outcome.is_about_entry:
        return []
    quoted = shlex.quote(test.id)
    commands = [("run it again", f"pytest --memguard {quoted}")] if "::" in test.id else []
    if test.measurement is not None and test.outcome is not Outcome.OK:
        commands.append(("accept it", f"memguard accept {quoted}"))
    if test.profile:
        commands.append(("see who allocates", f"memguard flamegraph {quoted}"))
    return [{"does": does, "command": command} for does, command in commands]


def tests_content(runs: Sequence[RunResults]) -> list[tuple[Row, int, TestResult]]:
    """Return every test of every run with its row and the number of its run, the worst first."""
    found = [(row(test), number, test) for number, run in enumerate(runs) for test in run.tests]
    return sorted(
        found, key=lambda one: (one[0].outcome.rank, -growth_bytes(one[0].metrics), one[0].id, one[1])
    )
