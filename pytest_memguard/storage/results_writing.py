"""Writes the results of a run as JSON values."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_memguard.core.measurement import (
    Bound,
    CountGrowth,
    Curve,
    KnownGrowth,
    LeakFinding,
    Measurement,
    Meeting,
    Site,
    SiteBytes,
)
from pytest_memguard.core.verdict import (
    Creep,
    GrownSite,
    MetricVerdict,
    Outcome,
    Quarantine,
    RunResults,
    TestResult,
)

FORMAT = "memguard-results/1"
_DRIVE = re.compile(r"^[A-Za-z]:")


def result_to_json(result: TestResult) -> dict[str, object]:
    """Turn one result into JSON values, complete but for sites and curve of a test that is simply `ok`.

    Those of a test that is ok and says nothing more would be most of a large file;
    everything else comes back from `result_from_json` as it was.
    """
    verdict, measurement = result.verdict, result.measurement
    written: dict[str, object] = {
        "id": _utf8(result.id),
        "outcome": str(verdict.outcome),
        "reason": _utf8(verdict.reason),
        "metrics": {metric.name: _metric(metric) for metric in verdict.metrics},
    }
    if verdict.is_in_doubt:
        written["in_doubt"] = True
    if verdict.quarantine is not None:
        written["quarantine"] = _quarantine(verdict.quarantine)
    if verdict.creep is not None:
        written["creep"] = _creep(verdict.creep)
    if verdict.sites:
        written["sites"] = [_grown_site(site) for site in verdict.sites]
    if measurement is not None:
        written |= {"meter": measurement.meter, "samples": measurement.samples}
        compact = result.outcome is Outcome.OK and not result.hints
        written |= _compact(measurement, written) if compact else _complete(measurement)
    flags = {"fails": result.fails, "asked": result.is_asked}
    written |= {name: True for name, is_set in flags.items() if is_set}
    if result.hints:
        written["hints"] = [_utf8(hint) for hint in result.hints]
    if result.note:
        written["note"] = _utf8(result.note)
    if result.profile:
        written["profile"] = inside(result.profile)
    if result.accepted_curve is not None:
        written["accepted_curve"] = curve_to_json(result.accepted_curve)
    return written


def run_to_json(results: RunResults) -> dict[str, object]:
    """Turn what is said about the run as a whole into JSON values, without its tests."""
    return {
        "format": FORMAT,
        "environment": results.environment,
        "meter": results.meter,
        "made_with": dict(results.made_with),
        "advisory": results.advisory,
        "baseline_dir": _utf8(results.baseline_dir),
        "left_out": [_utf8(test_id) for test_id in results.left_out],
        "problems": [
            {"kind": problem.kind, "sentence": _utf8(problem.sentence), "fails": problem.fails}
            for problem in results.problems
        ],
    }


def _quarantine(quarantine: Quarantine) -> dict[str, object]:
    written: dict[str, object] = {"over": True} if quarantine.is_over else {}
    return written if quarantine.until is None else written | {"until": quarantine.until.isoformat()}


def _creep(creep: Creep) -> dict[str, object]:
    steps = [
        {
            "commit": _utf8(step.commit),
            "day": step.day.isoformat(),
            "author": _utf8(step.author),
            "was": step.was,
            "now": step.now,
            "note": _utf8(step.note),
        }
        for step in creep.steps
    ]
    written: dict[str, object] = {
        "metric": creep.metric,
        "since": creep.since.isoformat(),
        "rule": _utf8(creep.rule),
    }
    return written | {
        "was": creep.was,
        "accepted": creep.accepted,
        "measured": creep.measured,
        "steps": steps,
    }


def _metric(metric: MetricVerdict) -> dict[str, object]:
    written: dict[str, object] = {"measured": metric.measured}
    if metric.baseline is not None:
        written["baseline"] = metric.baseline
    if metric.limit is not None:
        written["limit"] = metric.limit
    if metric.outcome is not Outcome.OK:
        written["outcome"] = str(metric.outcome)
    if metric.rule:
        written["rule"] = metric.rule
    if metric.noise:
        written["noise"] = metric.noise
    return written


def _compact(measurement: Measurement, written: Mapping[str, object]) -> dict[str, object]:
    judged = written["metrics"]
    more = {
        name: size
        for name, size in measurement.metrics.items()
        if not isinstance(judged, dict) or name not in judged
    }
    rest = _rest(measurement) | ({"metrics": more} if more else {})
    if measurement.leak is not None:
        return {"leak": _leak(measurement.leak, with_sites=False), "measurement": rest}
    return {"measurement": rest} if rest else {}


def _complete(measurement: Measurement) -> dict[str, object]:
    sites = [_site_bytes(site) for site in measurement.sites]
    rest = _rest(measurement) | {"metrics": dict(measurement.metrics), "sites": sites}
    if measurement.curve is not None:
        rest["curve"] = curve_to_json(measurement.curve)
    if measurement.leak is not None:
        return {"leak": _leak(measurement.leak, with_sites=True), "measurement": rest}
    return {"measurement": rest}


def _rest(measurement: Measurement) -> dict[str, object]:
    rest: dict[str, object] = {}
    if measurement.spread:
        rest["spread"] = dict(measurement.spread)
    if measurement.first_cost:
        rest["first_cost"] = dict(measurement.first_cost)
    if measurement.peak_doubt_bytes:
        rest["peak_doubt"] = measurement.peak_doubt_bytes
    if measurement.notes:
        rest["notes"] = [_utf8(note) for note in measurement.notes]
    return rest


def _leak(leak: LeakFinding, *, with_sites: bool) -> dict[str, object]:
    written: dict[str, object] = {
        "leaking": leak.leaking,
        "bytes_per_call": leak.bytes_per_call,
        "calls": leak.calls,
        "settled": leak.settled_bytes,
        "held_by": [_utf8(holder) for holder in leak.held_by],
        "signals": list(leak.signals),
    }
    written |= _what_grew(leak)
    if leak.bounds:
        written["bounds"] = [_bound(bound) for bound in leak.bounds]
    if leak.note:
        written["note"] = _utf8(leak.note)
    if leak.doubt_bytes:
        written["doubt"] = leak.doubt_bytes
    if leak.known:
        written["known"] = [_known_growth(growth) for growth in leak.known]
    if leak.doubts:
        written["doubts"] = [doubt.value for doubt in leak.doubts]
    if leak.used_up:
        written["used_up"] = _utf8(leak.used_up)
    if leak.is_accelerating:
        written["accelerating"] = True
    if leak.order is not None:
        written["order"] = leak.order
    if with_sites and leak.sites:
        written["sites"] = [_site_bytes(site) for site in leak.sites]
    return written | _readings(leak)


def _readings(leak: LeakFinding) -> dict[str, object]:
    pairs = [[reading.calls, reading.held_bytes] for reading in leak.readings]
    written: dict[str, object] = {"readings": pairs} if pairs else {}
    return written | {"judged_from": leak.judged_from_calls} if leak.judged_from_calls else written


def curve_to_json(curve: Curve) -> dict[str, object]:
    """Turn a curve into JSON values."""
    return {"unit": curve.unit, "length": curve.length, "held": list(curve.held_bytes)}


def _what_grew(leak: LeakFinding) -> dict[str, object]:
    written: dict[str, object] = {}
    if leak.kinds:
        written["kinds"] = [{"type": _utf8(kind.name), "per_call": kind.per_call} for kind in leak.kinds]
    if leak.fingerprint:
        written["fingerprint"] = _utf8(leak.fingerprint)
    if leak.counts:
        written["counts"] = [_count(count) for count in leak.counts]
    return written


def _known_growth(growth: KnownGrowth) -> dict[str, object]:
    written: dict[str, object] = {
        "reason": _utf8(growth.reason),
        "bytes_per_call": growth.bytes_per_call,
    }
    if growth.entry:
        written["entry"] = _utf8(growth.entry)
    if growth.reference:
        written["reference"] = _utf8(growth.reference)
    return written


def _grown_site(grown: GrownSite) -> dict[str, object]:
    written = _site(grown.site) | {"bytes": grown.size_bytes, "grew_by": grown.grew_by_bytes}
    if grown.was_bytes is not None:
        written["was"] = grown.was_bytes
    if grown.inner is not None:
        written["inner"] = _site(grown.inner)
    if grown.counted is not None:
        written["counted"] = _count(grown.counted)
    if grown.lines:
        written["lines"] = [
            {"line": each.line, "bytes": each.size_bytes, "text": _utf8(each.text)} for each in grown.lines
        ]
    return written | _met(grown.met)


def _met(met: Meeting | None) -> dict[str, object]:
    if met is None:
        return {}
    return {
        "met": {
            "threads": met.threads,
            "each_bytes": met.each_bytes,
            "after": _site(met.after),
            "before_line": met.before_line,
        }
    }


def _bound(bound: Bound) -> dict[str, object]:
    return {
        "holder": _utf8(bound.holder),
        "entries": bound.entries,
        "at_most": bound.at_most,
        "settles_at": bound.settles_at_bytes,
    }


def _count(count: CountGrowth) -> dict[str, object]:
    written: dict[str, object] = {"unit": count.unit, "per_call": count.per_call}
    return written if count.site is None else written | {"site": _site(count.site)}


def _site_bytes(held: SiteBytes) -> dict[str, object]:
    written = _site(held.site)
    if held.peak_bytes:
        written["peak"] = held.peak_bytes
    if held.retained_bytes:
        written["retained"] = held.retained_bytes
    if held.inner is not None:
        written["inner"] = _site(held.inner)
    if held.is_inner:
        written["is_inner"] = True
    if held.threads != 1:
        written["threads"] = held.threads
    return written | _met(held.met)


def _site(site: Site) -> dict[str, object]:
    return {"file": inside(site.file), "line": site.line, "function": _utf8(site.function)}


def inside(file: str) -> str:
    """Return a file name as the results keep it: never absolute, and never leading upwards.

    >>> inside("/usr/src/x.c"), inside("../lib/y.py"), inside("shop/cache.py")
    ('usr/src/x.c', 'lib/y.py', 'shop/cache.py')
    """
    parts = _DRIVE.sub("", file.replace("\\", "/")).split("/")
    return _utf8("/".join(part for part in parts if part not in ("", ".", ".."))) or "?"


def _utf8(text: str) -> str:
    """Spell out what UTF-8 cannot hold: bytes of a file name that could not be decoded."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
