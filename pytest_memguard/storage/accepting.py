"""Plans how the baseline changes when a run is accepted, one change for each test."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_memguard.core.changes import Change
from pytest_memguard.core.entries import Entry, EntrySite
from pytest_memguard.core.errors import NothingToJudgeError
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.metrics import COUNTED_UNITS, METRICS, PEAK, RETAINED
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.run_results import RunResults, TestResult
from pytest_memguard.core.sample import Curve
from pytest_memguard.core.units import KIB
from pytest_memguard.storage.baseline import BaselineStore

STORED_SITES = 5
_SITE_SHARE = 0.02
_SITE_BYTES = KIB
_NEAR_IDS_LOOKED_AT = 2000  # comparing texts is slow, and a message needs no more


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What of a run is accepted: the tests that any of the patterns fits, all without a pattern.

    Without `everything` only tests whose outcome asks for it change. `note` takes the place of the notes
    that the entries have; None keeps those.
    """

    patterns: Sequence[str] = ()
    everything: bool = False
    note: str | None = None


_ALL_THAT_ASK = Acceptance()


def accept_results(
    store: BaselineStore,
    results: RunResults,
    wanted: Acceptance = _ALL_THAT_ASK,
    *,
    review: Callable[[Sequence[Change]], None],
) -> list[Change]:
    """Write what a run measured into the baseline, under its lock; return what changed, sorted by test.

    `review` sees the changes before any is written; what it raises stops all. Raises `BaselineError` for a
    baseline that cannot be read or written.
    """
    with store.locked():
        changes = plan(store, results, wanted)
        review(changes)
        store.update(
            {change.test_id: change.new for change in changes},
            meter=results.meter,
            made_with=results.made_with,
            curves=_curves(results),
        )
    return changes


def _curves(results: RunResults) -> dict[str, Curve]:
    measured = {test.id: test.measurement.curve for test in results.tests if test.measurement is not None}
    return {test_id: curve for test_id, curve in measured.items() if curve is not None}


def plan(store: BaselineStore, results: RunResults, wanted: Acceptance = _ALL_THAT_ASK) -> list[Change]:
    """Say what `accept_results` would change, and change nothing."""
    entries = store.entries_of(test.id for test in to_write(results, wanted))
    return plan_acceptance(results, entries, wanted)


def to_write(results: RunResults, wanted: Acceptance = _ALL_THAT_ASK) -> list[TestResult]:
    """Return the tests whose numbers an accepted run writes.

    A test that was too noisy to judge is written where it is named.
    """
    chosen = fitting((test.id for test in results.tests), wanted.patterns)
    return [
        test
        for test in results.tests
        if test.id in chosen
        and test.measurement is not None
        and test.outcome is not Outcome.STALE
        and (test.outcome is not Outcome.NOT_MEASURED or test.verdict.deciding is not None)
        and (
            wanted.everything
            or test.outcome.changes_entry
            or (wanted.patterns and test.outcome is not Outcome.OK)
        )
    ]


def plan_acceptance(
    results: RunResults, entries: Mapping[str, Entry], wanted: Acceptance = _ALL_THAT_ASK
) -> list[Change]:
    """Say which entries change when a run is accepted, sorted by test; `entries` are those of now."""
    changes = (_change(test, entries.get(test.id), wanted.note) for test in to_write(results, wanted))
    return sorted((change for change in changes if change is not None), key=lambda change: change.test_id)


def _change(test: TestResult, old: Entry | None, note: str | None) -> Change | None:
    if test.measurement is None:
        return None
    # A test that is no longer leak-checked gives up what its leak check had accepted.
    drops_leaks = test.outcome is Outcome.UNGUARDED
    new = entry_from(test.measurement, old, note, drops_leaks=drops_leaks)
    return None if not new.metrics or new == old else Change(test.id, old, new)


def plan_removal(results: RunResults, entries: Mapping[str, Entry]) -> list[Change]:
    """Say which entries go because no guarded test answers for them any more, sorted by test."""
    gone = {test.id for test in results.tests} - {test.id for test in results.guarded}
    return [Change(test_id, entries[test_id], None) for test_id in sorted(gone) if test_id in entries]


def entry_from(
    measurement: Measurement,
    previous: Entry | None = None,
    note: str | None = None,
    *,
    drops_leaks: bool = False,
) -> Entry:
    """Make the entry of what was measured; an earlier note stays, and figures of this meter not measured.

    With `drops_leaks` those of an earlier leak check do not. Sites are the largest at the peak or by
    what they retained, joined by file and function. One sample says nothing about how much samples
    vary: then the spread stays, and a figure that is within it.
    """
    metrics = {name: max(0, size) for name, size in measurement.metrics.items()}
    spread = dict(measurement.spread)
    counted = measurement.leak.counts if measurement.leak else ()
    counts = {count.unit: count.per_1000_calls for count in counted if count.unit in COUNTED_UNITS}
    sites = _stored_sites(measurement)
    if previous is not None and previous.is_of(measurement.meter):
        keeps_leaks = not measurement.leak and not drops_leaks
        if measurement.samples == 1:
            _keep_within_spread(metrics, spread, previous)
        _keep_unmeasured(metrics, spread, previous, keeps_leaks=keeps_leaks)
        sites = sites if measurement.sites else previous.sites
        counts = dict(previous.leaks_per_1000_calls) if keeps_leaks else counts
    return Entry(
        metrics={name: metrics[name] for name in METRICS if name in metrics},
        spread={name: size for name, size in spread.items() if size > 0},
        note=(previous.note if previous else "") if note is None else note,
        sites=sites,
        leaks_per_1000_calls=counts,
        meter=measurement.meter,
    )


def _keep_within_spread(metrics: dict[str, int], spread: dict[str, int], previous: Entry) -> None:
    """Keep the spread of an entry, and the figures that are within it."""
    for name, size in previous.spread.items():
        if METRICS[name].from_samples:
            spread.setdefault(name, size)
            if name in metrics and abs(metrics[name] - previous.metrics.get(name, 0)) <= size:
                metrics[name] = previous.metrics[name]


def _keep_unmeasured(
    metrics: dict[str, int], spread: dict[str, int], previous: Entry, *, keeps_leaks: bool
) -> None:
    """Keep figures of an entry that not every run measures, such as those of a leak check."""
    for name, metric in METRICS.items():
        is_optional = not metric.is_gated or (keeps_leaks and not metric.from_samples)
        if is_optional and name in previous.metrics:
            metrics.setdefault(name, previous.metrics[name])
            spread.setdefault(name, previous.spread.get(name, 0))


def _stored_sites(measurement: Measurement) -> tuple[EntrySite, ...]:
    held: dict[str, tuple[int, int]] = {}
    for one in measurement.sites:
        peak, retained = held.get(one.site.at, (0, 0))
        held[one.site.at] = (peak + one.peak_bytes, retained + one.retained_bytes)
    least_peak = max(_SITE_BYTES, int(measurement.metrics.get(PEAK, 0) * _SITE_SHARE))
    least_retained = max(_SITE_BYTES, int(measurement.metrics.get(RETAINED, 0) * _SITE_SHARE))
    large = [
        EntrySite(at=at, peak_bytes=peak, retained_bytes=retained)
        for at, (peak, retained) in held.items()
        if peak >= least_peak or retained >= least_retained
    ]
    large.sort(key=lambda site: (-max(site.peak_bytes, site.retained_bytes), site.at))
    return tuple(large[:STORED_SITES])


def select(test_ids: Iterable[str], patterns: Sequence[str], *, accepted: bool = False) -> set[str]:
    """Return the ids that any pattern fits, all without a pattern.

    Raises `NothingToJudgeError` for a pattern that fits nothing; `accepted` says that the ids are
    those of the baseline, not of a run.
    """
    ids = set(test_ids)
    for pattern in patterns:
        if not _matching(ids, pattern):
            raise NothingToJudgeError(_no_match(ids, pattern, accepted=accepted))
    return fitting(ids, patterns)


def fitting(test_ids: Iterable[str], patterns: Sequence[str]) -> set[str]:
    """Return the ids that any pattern fits, all without a pattern.

    A pattern is a node id (with its cases and regions), a file, a folder, or a shell pattern;
    brackets also stand for themselves.
    """
    ids = set(test_ids)
    return {found for pattern in patterns for found in _matching(ids, pattern)} if patterns else ids


def _matching(ids: set[str], pattern: str) -> set[str]:
    below = tuple(f"{pattern.rstrip('/')}{end}" for end in ("::", "[", "/"))
    found = {test_id for test_id in ids if test_id == pattern or test_id.startswith(below)}
    if found:
        return found  # whoever names a test means it, also where its brackets could be read as a set
    literal = re.compile(fnmatch.translate(pattern.replace("[", "[[]")))
    as_shell = re.compile(fnmatch.translate(pattern))
    return {test_id for test_id in ids if literal.match(test_id) or as_shell.match(test_id)}


def _no_match(ids: set[str], pattern: str, *, accepted: bool) -> str:
    module = pattern.partition("::")[0]
    same_module = [test_id for test_id in ids if test_id.startswith(module)]
    candidates = sorted(same_module or ids)[:_NEAR_IDS_LOOKED_AT]
    near = difflib.get_close_matches(pattern, candidates, n=3, cutoff=0.5)
    hint = f"near are {', '.join(repr(name) for name in near)}" if near else f"it has {len(ids):,}"
    where, command = ("entry of the baseline", "show") if accepted else ("test of the last run", "diff --all")
    return f"no {where} matches {pattern!r}; {hint}. List them with `memguard {command}`."
