"""The words of a verdict: figures against limits, and the reason."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.history import Past
from pytest_memguard.core.leak_finding import Bound, CountGrowth, Doubt, KindGrowth, LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.metrics import CHILDREN, METRICS, PEAK
from pytest_memguard.core.node_ids import split_id, without_case
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.sites import Meeting
from pytest_memguard.core.units import counted, format_change, format_growth, format_size
from pytest_memguard.core.verdict import Creep, GrownSite, MetricVerdict, Verdict

_SHOWN_CREEP_STEPS = 6
_ROUNDED_FROM = 100
"""Rates of counts from here on are written without digits behind the point."""

_UNIT_WORDS = {CHILDREN: ("child process", "child processes")}


def renamed_texts(old_id: str, new_id: str) -> tuple[str, str]:
    """Say of an entry without a test which new test may be its own, and how to accept that.

    >>> renamed_texts("t.py::test_a[12:30]", "t.py::test_a[12:31]")[0]
    'its test no longer exists, or is test_a[12:31] now (give cases ids that no run changes, as a time would)'
    """
    is_of_same = without_case(old_id) == without_case(new_id)
    steady = f" ({STEADY_IDS})" if is_of_same else ""
    return f"{GONE}, or is {split_id(new_id)[1]} now{steady}", f"if so: memguard accept {shlex.quote(new_id)}"


def reason_of(
    outcome: Outcome, judged: MetricVerdict | None, measurement: Measurement, entry: Entry | None
) -> str:
    """Say why an outcome is what it is, by the metric that it rests on."""
    if outcome is Outcome.LEAKED:
        return _leak_reason(measurement, judged, entry)
    if outcome is Outcome.NO_BASELINE:
        return "nothing is accepted for this environment"
    if outcome is Outcome.NEW:
        return (
            "no entry in the baseline yet"
            if entry is None
            else f"no {judged.name if judged else ''} accepted yet"
        )
    if judged is None or outcome is Outcome.OK:
        return ""
    if outcome is Outcome.NOT_MEASURED:
        return (
            f"{metric_text(judged)}: too noisy to judge, {noise_text(judged)}; make the test steady or set a "
            "tolerance, and accept it again"
        )
    return metric_text(judged) + (_first_text(judged, measurement) if outcome is Outcome.IMPROVED else "")


def _first_text(judged: MetricVerdict, measurement: Measurement) -> str:
    """Say that only later samples improved, as where a cache lost its bound and keeps all from the first."""
    more_bytes = measurement.first_cost.get(judged.name, 0)
    if judged.limit is None or judged.measured + more_bytes <= judged.limit:
        return ""
    return (
        f"; only later calls improved: the first took {judged.metric.text(judged.measured + more_bytes)}, as "
        "where a cache keeps it all from then on. To guard that: fresh=True"
    )


GONE = "its test no longer exists"
STEADY_IDS = "give cases ids that no run changes, as a time would"
OTHER_CASES = f"{GONE}, but has new cases ({STEADY_IDS})"
UNGUARDED = "its test ran, but is no longer guarded. Guard it again, or remove its entry: memguard prune"
REGION_GONE = "its region did not run. If it is gone for good, remove its entry: memguard prune"
NO_LEAK_CHECK = "it is no longer leak-checked. Ask for leaks=True again, or accept that: memguard accept"

REMEDIES = {Outcome.STALE: "Remove the entry with: memguard prune"}
"""What to do about an outcome, for reports that do not end with one command for all of its tests."""

WAYS_OUT = {
    Outcome.OVER_LIMIT: "The limit is the test's own: use less memory, or raise it where it is written.",
    Outcome.NOT_MEASURED: "It fails in CI, since the test asks for a check. Remove the cause, or set "
    "fail_on.",
    Outcome.CREPT: "Make it smaller, or give the test a `creep` of its own where its policy is written.",
}
"""How a failure ends where accepting does not help."""


def other_meter_text(other_meter: str, measurement: Measurement) -> str:
    """Say that the entry of a test does not count, since another meter took it."""
    return f"its entry was measured with {other_meter}, which cannot be compared with {measurement.meter}"


def noise_text(judged: MetricVerdict) -> str:
    """Say how blind an entry is whose samples vary too much."""
    limit, noise = judged.metric.text(judged.limit or 0), judged.metric.text(judged.noise)
    return f"its accepted samples vary so much that they could hide {noise}; up to {limit} is tolerated"


def peak_doubt_text(measurement: Measurement) -> str:
    """Say how far the peak may be from the true one, and why."""
    lowest, doubt_bytes = measurement.metrics[PEAK], measurement.peak_doubt_bytes
    at_most = format_size(lowest + doubt_bytes)
    return (
        f"the peak is not certain: it is between {format_size(lowest)} and {at_most}, "
        f"since what is not the test's held {format_size(doubt_bytes)} when the process held the "
        "most; put memguard.measure() around what counts, or let the test allocate less often"
    )


def quarantine_text(verdict: Verdict) -> str:
    """Say what a quarantine means for growth; empty if there is none."""
    quarantine = verdict.quarantine
    if quarantine is None:
        return ""
    if quarantine.is_over:
        return f"its quarantine ended on {quarantine.until}"
    until = f" before {quarantine.until}" if quarantine.until else "; no last day (`until`) is set"
    return f"quarantined: growth does not fail it{until}"


def metric_text(judged: MetricVerdict) -> str:
    """Write a metric with what it was, or with its limit."""
    return f"{judged.name} {figures_text(judged)}"


def tolerated_text(judged: MetricVerdict) -> str:
    """Say that a metric grew by much, and that its tolerance allows it."""
    return f"it grew, and its tolerance allows that: {metric_text(judged)}"


def figures_text(judged: MetricVerdict) -> str:
    """Write the figures of a metric, as in `48.2 MiB, was 31.0 MiB (+55.5%, limit 31.3 MiB)`."""
    if judged.outcome is Outcome.OVER_LIMIT:
        return _over(judged, *judged.metric.texts(judged.measured, judged.limit or 0))
    if judged.baseline is None:
        return judged.metric.text(judged.measured)
    limit = judged.limit if judged.limit is not None else judged.baseline
    measured, was, most = judged.metric.texts(judged.measured, judged.baseline, limit)
    share = format_change(judged.measured, judged.baseline)
    return f"{measured}, was {was} ({share}{', ' if share else ''}limit {most})"


def _over(judged: MetricVerdict, text: str, limit: str) -> str:
    return f"{text}, over {judged.rule} = {limit}"


def creep_text(creep: Creep) -> str:
    """Say by how much a metric crept up, since when, and in how many accepted steps."""
    metric = METRICS[creep.metric]
    measured, was = metric.texts(creep.measured, creep.was)
    share = format_change(creep.measured, creep.was)
    number = counted(len(creep.steps), "accepted step")
    steps = f", in {number}" if creep.steps else ", all of it tolerated"
    return f"{metric.label} {measured}, was {was} on {creep.since} ({share}, creep {creep.rule}){steps}"


def origin_text(past: Past) -> str:
    """Say that growth is known only from the day on which an entry was new, which may be an earlier one."""
    first, *more = past.perhaps
    others = f" or {len(more):,} more" if more else ""
    return (
        f"growth in small steps (creep) counts only from {past.since} on, when it was new and {first}{others}"
        ", removed then, may have been the same test; a note on its entry says that it was looked at"
    )


def creep_step_texts(creep: Creep) -> tuple[str, ...]:
    """Name the commits that accepted the growth, of many the last ones, and what is tolerated."""
    metric = METRICS[creep.metric]
    shown = creep.steps[-_SHOWN_CREEP_STEPS:]
    before = len(creep.steps) - len(shown)
    lines = [f"{before:,} earlier steps"] if before > 0 else []
    for step in shown:
        note = f": {step.note}" if step.note else ""
        growth = metric.growth_text(step.now - step.was)
        lines.append(f"{growth}  {step.commit[:10]} {step.day} {step.author}{note}")
    tolerated = creep.measured - creep.accepted
    if tolerated > 0:
        lines.append(f"{metric.growth_text(tolerated)}  tolerated since then")
    return tuple(lines)


def _orders(orders: Sequence[int]) -> str:
    """Name the orders of turns that were tried, which follow each other.

    >>> _orders([3]), _orders([0, 1]), _orders([0, 1, 2])
    ('order 3', 'orders 0 and 1', 'orders 0 to 2')
    """
    first, *more = orders
    if not more:
        return f"order {first}"
    return f"orders {first} {'and' if len(more) == 1 else 'to'} {more[-1]}"


def _leak_reason(measurement: Measurement, judged: MetricVerdict | None, entry: Entry | None) -> str:
    leak = measurement.leak
    if leak is None:
        return "memory grows with every call"
    parts = []
    if judged is not None and leak.bytes_per_call:
        parts.append(f"{format_size(leak.bytes_per_call)} a call")
    parts += [f"{_counted(count)} a call" for count in leak.counts]
    known = [f"{format_size(judged.baseline)} a call"] if judged and judged.baseline else []
    counts = entry.leaks_per_1000_calls if entry else {}
    known += [f"{_counted(CountGrowth(unit, count / 1000))} a call" for unit, count in counts.items()]
    accepted = f", accepted {' and '.join(known)}" if known else ""
    if Doubt.USED_UP in leak.doubts:
        how = f"used up after {leak.calls:,} calls: {leak.used_up}"
    else:
        how = f"{'rising' if leak.is_accelerating else 'steady'} over {leak.calls:,} calls"
    if leak.orders:
        how += f" from threads in {_orders(leak.orders)}"
    text = f"{' and '.join(parts)}, {how}{accepted}"
    if judged is None or judged.limit is None or judged.rule != judged.metric.limit_key:
        return text
    return _over(judged, text, judged.metric.text(judged.limit))


def bound_text(bound: Bound) -> str:
    """Say what a holder that keeps filling will settle at.

    >>> bound_text(Bound("shop._CACHE", entries=2_064, at_most=100_000, settles_at_bytes=24_117_248))
    'fills up to 100,000 entries, 23.0 MiB at this rate; 2,064 so far'
    """
    size = format_size(bound.settles_at_bytes)
    return f"fills up to {bound.at_most:,} entries, {size} at this rate; {bound.entries:,} so far"


def kinds_text(kinds: Iterable[KindGrowth]) -> str:
    """Write what each call leaves behind, by type; empty if that is not known.

    >>> kinds_text([KindGrowth("dict", 2.0), KindGrowth("shop.session.Session", 1.0)])
    'objects a call: +2.00 dict, +1.00 shop.session.Session'
    """
    listed = ", ".join(f"+{kind.per_call:,.2f} {kind.name}" for kind in kinds)
    return f"objects a call: {listed}" if listed else ""


def met_text(grown: GrownSite) -> str:
    """Say where the threads or tasks that made what a site holds were at once; empty if they were apart."""
    met, made = grown.met, grown.site
    if met is None:
        return ""
    file = met.after.file
    if met.are_tasks:
        return f"{met.threads} tasks waited at {file}:{met.after.line} in {met.after.function} at once"
    where = f"between {file}:{met.after.line} and {before_text(met)}"
    if met.before_line == met.after.line:
        where = f"in {file}:{met.after.line}"
    return (
        f"{met.threads} threads were {where} at once, and each had made "
        f"{format_size(met.each_bytes)} in {made.function} ({made.file}:{made.line})"
    )


def before_text(met: Meeting) -> str:
    """Name the line that threads were about to run, or the return of their function."""
    return f"{met.after.file}:{met.before_line}" if met.before_line else f"the return of {met.after.function}"


def growth_text(grown: GrownSite) -> str:
    """Write what a site gained, as in `+16.9 MiB` or `+1 file`."""
    return f"+{_counted(grown.counted)}" if grown.counted else format_growth(grown.grew_by_bytes)


def _counted(count: CountGrowth) -> str:
    one, many = _UNIT_WORDS.get(count.unit, (count.unit.removesuffix("s"), count.unit))
    number = f"{count.per_call:,.0f}" if count.per_call >= _ROUNDED_FROM else f"{count.per_call:.3g}"
    return f"{number} {one if number == '1' else many}"


_DOUBTS = {
    Doubt.TOO_FEW_CALLS: "a call takes too long: {calls:,} calls within the budget cannot show a leak; "
    "raise leak_budget",
    Doubt.CUT_SHORT: "the leak check was cut short after {calls:,} calls, which took all its time; "
    "raise leak_budget",
    Doubt.STILL_FALLING: "memory still grew after {calls:,} calls, by less with each: {held} stayed behind; "
    "raise leak_budget for more calls",
    Doubt.UNEVEN: "memory grew now and then within {calls:,} calls, too rarely to tell a leak from "
    "what is paid once: {held} stayed behind; raise leak_budget for more calls",
    Doubt.CEILING: "stopped after {calls:,} calls: the process grew past the ceiling of the check "
    "(leak_ceiling)",
    Doubt.COULD_BE_CACHE: "a cache of more than {calls:,} entries that still fills would look the same; "
    "raise leak_budget for more calls",
    Doubt.OFFSET: "memory as a whole did not grow over {calls:,} calls, but something piled up: a leak that "
    "is very small, or as large as what was freed meanwhile",
    Doubt.NO_HOLDER: "memory grew over {calls:,} calls, and {held} stayed behind{holder}: a cache that still "
    "fills would look the same; raise leak_budget for more calls",
    Doubt.FEW_CALLS: "a call takes long, so the check made only {calls:,}, and does not see a leak to which "
    "fewer calls add; raise leak_budget for more calls",
}
"""Why a leak check has no answer, or what its answer depends on. What ran out is in the reason of a leak, and
the note says what a body failed with that cannot be repeated."""


def doubts_text(leak: LeakFinding) -> str:
    """Say what a leak check is not sure of, in one line; empty if there is no doubt."""
    said = {"calls": leak.calls, "held": format_size(leak.settled_bytes)}
    said["holder"] = f", in {' > '.join(leak.held_by)}" if leak.held_by else ", in no container that is known"
    texts = [_DOUBTS[doubt].format_map(said) for doubt in leak.doubts if doubt in _DOUBTS]
    if leak.is_accelerating:
        texts.append("each call leaves more than the one before")
    return "; ".join([*texts, leak.note] if leak.note else texts)
