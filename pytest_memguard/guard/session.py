"""The meters, entries and verdicts of one guarded run, independent of pytest."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from pytest_memguard.core.changes import Change
from pytest_memguard.core.entries import Entry
from pytest_memguard.core.environment import environment_key, python_version
from pytest_memguard.core.history import Past
from pytest_memguard.core.known_leaks import KnownLeak
from pytest_memguard.core.leak_finding import Answer, LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.meters import BEST_METER
from pytest_memguard.core.metrics import RETAINED
from pytest_memguard.core.notes import refuse_without_note
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.policy import CreepLimit, Policy
from pytest_memguard.core.run_results import TestResult
from pytest_memguard.core.sample import Sample
from pytest_memguard.core.settings import Settings
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.gate.joined_samples import exact_ones, measurement_of
from pytest_memguard.gate.judge import (
    certain,
    has_grown_much,
    is_leak_in_doubt,
    judge,
    not_measured,
    without_leak_check,
)
from pytest_memguard.gate.known_leaks import without_known_leaks
from pytest_memguard.gate.wording import doubts_text, origin_text, peak_doubt_text, tolerated_text
from pytest_memguard.guard.in_each_order import needs_most
from pytest_memguard.guard.loaded_baseline import LoadedBaseline
from pytest_memguard.guard.profiles import ProfileKeeper
from pytest_memguard.guard.source_lines import with_source
from pytest_memguard.meters import (
    ChosenMeter,
    Meter,
    MeterUnavailableError,
    MissingMeter,
    SiteNamer,
    choose_meter,
)


class GuardSession:
    """What one run measures with and compares with, and how it judges."""

    def __init__(self, settings: Settings, root: Path, *, accepting: bool, in_ci: bool = False) -> None:
        self.settings = settings
        self.root = root
        self.accepting = accepting
        self._in_ci = in_ci
        self.environment = environment_key()
        self.namer = SiteNamer(root, settings.exclude, settings.include)
        self.baseline = LoadedBaseline(root / settings.baseline_dir, self.environment)
        self.pasts: Callable[[str, CreepLimit], Past | None] = _no_past
        self.profiles = ProfileKeeper(root, settings.profiles)
        self._meters: dict[str | None, ChosenMeter] = {}
        self._at_close = ExitStack()

    def chosen_meter(self, wanted: str | None = None) -> ChosenMeter:
        """Return the meter that a policy asks for; raises `MeterUnavailableError`."""
        name = wanted or self.settings.meter
        if name not in self._meters:
            self._meters[name] = choose_meter(self.namer, name)
        return self._meters[name]

    def meter(self, policy: Policy) -> Meter:
        """Return the meter of one test; raises `MeterUnavailableError`."""
        meter = self.chosen_meter(policy.meter).meter
        if isinstance(meter, MissingMeter):
            raise MeterUnavailableError(meter.reason)
        if policy.counted and not meter.counts_allocations:
            metric = policy.counted[0]
            raise MeterUnavailableError(
                f"{meter.name} cannot count {metric.label}, and they are limited here. Accepted is "
                f"{metric.limit_key}, or a tolerance for {metric.label}, with the {BEST_METER} meter."
            )
        return meter

    def judge(
        self,
        test_id: str,
        samples: Sequence[Sample],
        policy: Policy,
        *,
        leak: LeakFinding | None = None,
        notes: tuple[str, ...] = (),
    ) -> tuple[Measurement, Verdict]:
        """Join samples into a measurement and ask the gate about it.

        Where a leak check cannot tell and nothing else fails, the test is not measured; whatever else
        the check is not sure of is a note. Where the lowest peak leaves the verdict in doubt, those that
        are exact decide: a test that varies may stay above it in every further sample.
        """
        if leak is not None:
            leak = without_known_leaks(leak, self.settings.known_leaks, today())
        reason = "" if leak is None else doubts_text(leak)
        is_told = leak is None or leak.answer is not Answer.CANNOT_TELL
        if reason and is_told:
            notes = (*notes, reason)
        entry = self.baseline.entry(test_id)
        past = self._past(test_id, entry, policy)
        if past is not None and past.perhaps:
            notes = (*notes, origin_text(past))
        join = partial(
            measurement_of,
            samples,
            meter=self.meter(policy).name,
            leak=leak,
            notes=notes,
            is_fresh=policy.fresh,
        )
        ask = partial(judge, has_baseline=self.baseline.exists, today=today(), past=past)
        measurement = join()
        verdict = ask(measurement, entry, policy)
        if verdict.is_in_doubt and exact_ones(samples):
            measurement = join(has_exact_peak=True)
            verdict = ask(measurement, entry, policy)
        if verdict.outcome in (Outcome.GREW, Outcome.OVER_LIMIT):
            for note in needs_most(samples):
                measurement = with_note(measurement, note)
        return (measurement, verdict) if is_told else self._without_answer(measurement, verdict, reason)

    def verdict(
        self, test_id: str, samples: Sequence[Sample], policy: Policy, *, leak: LeakFinding | None = None
    ) -> Verdict:
        """Return the verdict alone; see `judge`."""
        return self.judge(test_id, samples, policy, leak=leak)[1]

    def _past(self, test_id: str, entry: Entry | None, policy: Policy) -> Past | None:
        """Return what was accepted before, where its growth is judged; what no commit changed is as it is."""
        if entry is None or policy.creep is None or not entry.is_of(self.meter(policy).name):
            return None
        return self.pasts(test_id, policy.creep) or Past(today() - dt.timedelta(policy.creep.days), entry)

    def judge_without_leaks(
        self,
        test_id: str,
        samples: Sequence[Sample],
        policy: Policy,
        *,
        reason: str,
        notes: tuple[str, ...] = (),
    ) -> tuple[Measurement, Verdict]:
        """Judge the samples alone; where they pass, what kept the leak check from checking is what counts."""
        return self._without_answer(*self.judge(test_id, samples, policy, notes=notes), reason)

    def _without_answer(
        self, measurement: Measurement, verdict: Verdict, reason: str
    ) -> tuple[Measurement, Verdict]:
        """Let a verdict stand that fails; what a leak check could not tell counts otherwise."""
        if self.fails(verdict.outcome):
            return with_note(measurement, reason), verdict
        return measurement, not_measured(reason)

    def is_new_leak(self, test_id: str, finding: LeakFinding, policy: Policy) -> bool:
        """Say whether a leak is one that nobody has accepted or allowed, as the gate sees it."""
        return self.verdict(test_id, (), policy, leak=finding).outcome is Outcome.LEAKED

    def is_leak_in_doubt(self, test_id: str, finding: LeakFinding, policy: Policy) -> bool:
        """Say whether the rate of a known leak is to be read once more before it fails."""
        return not finding.counts and is_leak_in_doubt(self.verdict(test_id, (), policy, leak=finding))

    def result(self, test_id: str, verdict: Verdict, measurement: Measurement | None = None) -> TestResult:
        """Put a verdict into the result of a test, with whether it fails the test.

        A verdict in doubt ends as `not-measured`, or stands with a note.
        """
        if measurement is not None and verdict.is_in_doubt:
            verdict = certain(verdict, measurement)
            if verdict.is_in_doubt:
                measurement = with_note(measurement, peak_doubt_text(measurement))
        for judged in verdict.metrics:
            if measurement is not None and has_grown_much(judged):
                measurement = with_note(measurement, tolerated_text(judged))
        verdict = with_source(verdict, self.root)
        entry = self.baseline.entry(test_id) if measurement is not None else None
        is_leak_checked = measurement is not None and measurement.leak is not None
        if entry is not None and entry.is_leak_checked and not is_leak_checked:
            verdict = without_leak_check(verdict)
        is_ok = verdict.outcome is Outcome.OK  # nobody will compare its curve
        return TestResult(
            id=test_id,
            verdict=verdict,
            measurement=measurement,
            fails=self.fails(verdict.outcome) and not verdict.is_quarantined,
            note=entry.note if entry else "",
            hints=_hints(verdict, measurement),
            accepted_curve=None if entry is None or is_ok else self.baseline.curve(test_id),
        )

    def unmeasured(self, test_id: str, reason: str) -> TestResult:
        """Return the result of a test that could not be measured."""
        return self.result(test_id, not_measured(reason))

    def unjudged(self, test_id: str, reason: str) -> TestResult:
        """Return the result of a test whose own outcome leaves nothing to judge; it fails for no memory."""
        return TestResult(id=test_id, verdict=not_measured(reason))

    def fails(self, outcome: Outcome) -> bool:
        """Say whether an outcome fails its test in this run."""
        if self.settings.advisory or (self.accepting and outcome.passes_by_accepting):
            return False
        return self.settings.fails(str(outcome), in_ci=self._in_ci)

    def demanded(self, result: TestResult, *, asks: bool) -> TestResult:
        """Fail a test in CI that was not measured, where its marker or an accepted leak rate asks for it."""
        entry = self.baseline.entry(result.id)
        if result.outcome is not Outcome.NOT_MEASURED or not (asks or (entry and entry.is_leak_checked)):
            return result
        settings = self.settings
        fails_by_default = self._in_ci and settings.fail_on is None and not settings.advisory
        return replace(result, fails=result.fails or fails_by_default, is_asked=True)

    def review(self, changes: Iterable[Change]) -> None:
        """Refuse growth that the project accepts only with a note, which a run cannot give."""
        refuse_without_note(changes, self.settings.require_note)

    def expired_known_leaks(self) -> tuple[KnownLeak, ...]:
        """Return the known leaks of the settings whose day has come."""
        return tuple(entry for entry in self.settings.known_leaks if entry.is_expired(today()))

    def made_with(self) -> dict[str, str]:
        """Return the versions that this run's numbers depend on."""
        versions = {"python": python_version()}
        for chosen in self._meters.values():
            versions |= chosen.meter.made_with()
        return versions

    def differences(self) -> tuple[str, ...]:
        """Say where a loaded baseline was made with other versions than run now."""
        return self.baseline.differences(self.made_with())

    @cached_property
    def bytecode_folder(self) -> str:
        """A folder for the bytecode of fresh tests, which lasts as long as the run."""
        return self._at_close.enter_context(tempfile.TemporaryDirectory(prefix="memguard-"))

    def close(self) -> None:
        """Remove what the meters and fresh tests keep on disk."""
        self._at_close.close()
        for chosen in self._meters.values():
            chosen.meter.close()


def _hints(verdict: Verdict, measurement: Measurement | None) -> tuple[str, ...]:
    """Say what finds the holder of retained memory: its sites are where it was made."""
    named = verdict.deciding
    if measurement is None or measurement.leak is not None or named is None or named.name != RETAINED:
        return ()
    return ("leaks=True names what holds it",) if verdict.outcome.is_growth else ()


def with_note(measurement: Measurement, note: str) -> Measurement:
    """Add a sentence to what is said about a measurement."""
    return replace(measurement, notes=(*measurement.notes, note))


def _no_past(_test_id: str, _limit: CreepLimit) -> None:
    """Know nothing of what was accepted before."""


def today() -> dt.date:
    """Return the day in UTC, the same for every machine."""
    return dt.datetime.now(dt.timezone.utc).date()
