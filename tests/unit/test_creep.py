"""Growth in small steps that adds up: from the history of a real repository to the verdict."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from pytest_memguard.commits.past import read_pasts
from pytest_memguard.core.entries import Entry, EntrySite
from pytest_memguard.core.environment import environment_key
from pytest_memguard.core.errors import ValueFormError
from pytest_memguard.core.history import Past, Pasts
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.policy import CreepLimit, Policy, parse_creep
from pytest_memguard.core.sites import Site, SiteBytes
from pytest_memguard.core.units import MIB
from pytest_memguard.core.verdict import Verdict
from pytest_memguard.gate.judge import judge
from pytest_memguard.gate.wording import creep_step_texts, origin_text
from pytest_memguard.storage.baseline import BaselineStore
from tests.made_repository import MadeRepository

A = "tests/test_x.py::a"
FIRST_DAY = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
DAY = dt.timedelta(1)


@pytest.fixture
def made(tmp_path: Path) -> MadeRepository:
    return MadeRepository(tmp_path)


def pasts_at(made: MadeRepository, limit: CreepLimit, *, number: int, back: int = 0) -> Pasts:
    """Read what was known a moment after a commit of a made history, `back` commits before its last one."""
    moment = FIRST_DAY + number * DAY + dt.timedelta(hours=1)
    return read_pasts(
        made.root,
        made.store.directory,
        environment_key(),
        [limit.days],
        now=moment,
        head=f"HEAD~{back}" if back else "HEAD",
    )


def verdict_of(peak: int, accepted: int, past: Past | None, creep: str, **policy: object) -> Verdict:
    measurement = Measurement("memray", 1, {"peak": peak})
    limits = replace(Policy(creep=parse_creep(creep)), **policy)  # type: ignore[arg-type]  # fields of a policy
    return judge(measurement, Entry({"peak": accepted}), limits, past=past)


def outcomes(made: MadeRepository, peaks: list[int], creep: str) -> list[Outcome]:
    """Make a repository that accepts a peak a day, and judge each day's peak as it was known then."""
    made.import_history([{A: peak} for peak in peaks])
    limit = parse_creep(creep)
    found = []
    for number, peak in enumerate(peaks):
        past = pasts_at(made, limit, number=number, back=len(peaks) - 1 - number).of(A, limit)
        found.append(
            verdict_of(peak, peak, past or Past(FIRST_DAY.date(), Entry({"peak": peak})), creep).outcome
        )
    return found


def test_forty_small_steps_are_said_at_the_commit_where_the_setting_says(made: MadeRepository) -> None:
    peaks = [round(10 * MIB * 1.005**number) for number in range(41)]
    first = next(number for number, peak in enumerate(peaks) if peak > 1.1 * peaks[0])
    found = outcomes(made, peaks, "10% in 90 days")
    assert [number for number, outcome in enumerate(found) if outcome is Outcome.CREPT] == list(
        range(first, 41)
    )
    assert set(found) == {Outcome.OK, Outcome.CREPT}


def test_steps_of_longer_ago_than_the_setting_says_do_not_count(made: MadeRepository) -> None:
    peaks = [round(10 * MIB * 1.005**number) for number in range(41)]
    assert set(outcomes(made, peaks, "10% in 15 days")) == {Outcome.OK}


def test_what_goes_up_and_down_is_no_creep(made: MadeRepository) -> None:
    peaks = [10 * MIB + (number % 2) * 3 * MIB for number in range(12)]
    assert set(outcomes(made, peaks, "20% in 90 days")) == {Outcome.OK}


def test_one_large_step_is_a_decision_and_the_second_one_is_said(made: MadeRepository) -> None:
    sizes = [1_500_000, 1_875_000, 2_250_000, 2_625_000, 3_000_000]
    assert outcomes(made, sizes, "20% in 1 year") == [Outcome.OK, Outcome.OK, *[Outcome.CREPT] * 3]


def test_growth_below_the_tolerance_is_found_after_the_fifth_commit(made: MadeRepository) -> None:
    """A gate of 1 % passes each: what is measured is never more than 0.9 % over what was accepted."""
    peaks = [round(10 * MIB * 1.009**number) for number in range(7)]
    made.import_history([{A: peak} for peak in peaks])
    limit = parse_creep("4.5% in 90 days")
    found = []
    for number, (accepted, measured) in enumerate(pairwise(peaks)):
        past = pasts_at(made, limit, number=number, back=len(peaks) - 1 - number).of(A, limit)
        past = past or Past(FIRST_DAY.date(), Entry({"peak": accepted}))
        verdict = verdict_of(measured, accepted, past, str(limit))
        found.append(verdict.outcome)
    assert found == [*[Outcome.OK] * 4, Outcome.CREPT, Outcome.CREPT]
    assert verdict.creep is not None
    assert creep_step_texts(verdict.creep)[-1].endswith("tolerated since then")
    assert (
        sum(step.now - step.was for step in verdict.creep.steps) == verdict.creep.accepted - verdict.creep.was
    )


def test_figures_of_another_meter_are_no_earlier_ones(made: MadeRepository) -> None:
    for day, size, meter in ((1, MIB, "tracemalloc"), (2, 10 * MIB, "memray"), (3, 11 * MIB, "memray")):
        made.accept({A: Entry({"peak": size}, meter=meter)}, day=f"2026-01-0{day}")
    limit = parse_creep("10 % in 90 days")
    past = pasts_at(made, limit, number=3).of(A, limit)
    assert past is not None
    assert (past.since.day, past.entry.metrics) == (2, {"peak": 10 * MIB})
    assert [step.now and step.now.metrics["peak"] for step in past.steps] == [11 * MIB]


def test_what_is_only_tolerated_creeps_too_where_the_tolerance_is_wide() -> None:
    past = Past(FIRST_DAY.date(), Entry({"peak": 10 * MIB}))
    wide = Policy(tolerances={"peak": replace(Policy().tolerances["peak"], relative=0.3)}).tolerances
    verdict = verdict_of(int(12.5 * MIB), 10 * MIB, past, "20% in 90 days", tolerances=wide)
    assert verdict.outcome is Outcome.CREPT
    assert verdict.reason.endswith(
        "peak 12.5 MiB, was 10.0 MiB on 2026-01-01 (+25%, creep 20% in 90 days), all of it tolerated"
    )


def test_few_bytes_are_no_creep() -> None:
    past = Past(FIRST_DAY.date(), Entry({"peak": 72}))
    assert verdict_of(9_000, 9_000, past, "20% in 90 days").outcome is Outcome.OK


def test_the_commits_are_named_with_their_sum_and_the_lines_that_grew(made: MadeRepository) -> None:
    site = EntrySite("shop/cache.py:put", peak_bytes=9 * MIB)
    made.accept({A: Entry({"peak": 10 * MIB}, sites=(site,))}, day="2026-01-02")
    made.accept({A: 12 * MIB}, day="2026-01-10", author="Bo", note="more, see #1")
    made.rename("tests/test_x.py", "tests/test_z.py")
    last = made.accept({"tests/test_z.py::a": 13 * MIB}, day="2026-02-01", author="Cy")
    limit = parse_creep("20% in 90 days")
    past = pasts_at(made, limit, number=60).of("tests/test_z.py::a", limit)
    measurement = Measurement(
        "memray", 1, {"peak": 13 * MIB}, sites=(SiteBytes(Site("shop/cache.py", 41, "put"), 12 * MIB),)
    )
    verdict = judge(measurement, Entry({"peak": 13 * MIB}), Policy(creep=limit), past=past)
    assert verdict.reason == (
        "peak 13.0 MiB, was 10.0 MiB on 2026-01-02 (+30%, creep 20% in 90 days), in 2 accepted steps"
    )
    assert verdict.creep is not None
    assert creep_step_texts(verdict.creep) == (
        f"+2.0 MiB  {made.commits[1][:10]} 2026-01-10 Bo: more, see #1",
        f"+1.0 MiB  {last[:10]} 2026-02-01 Cy",
    )
    assert [(grown.site.line, grown.grew_by_bytes) for grown in verdict.sites] == [(41, 3 * MIB)]


def test_growth_beyond_the_gate_stays_growth_and_says_what_crept(made: MadeRepository) -> None:
    for day, peak in (("2026-01-02", 10), ("2026-01-10", 12), ("2026-01-20", 14)):
        made.accept({A: peak * MIB}, day=day)
    limit = parse_creep("20% in 90 days")
    verdict = verdict_of(19 * MIB, 14 * MIB, pasts_at(made, limit, number=60).of(A, limit), str(limit))
    assert verdict.outcome is Outcome.GREW
    assert verdict.creep is not None


def test_a_clone_that_does_not_reach_back_says_so(made: MadeRepository, tmp_path: Path) -> None:
    made.import_history([{A: 100 + number} for number in range(5)])
    clone = tmp_path / "clone"
    made.git("clone", "-q", "--depth", "2", f"file://{made.root}", str(clone))
    found = read_pasts(clone, clone / ".memguard/baseline", environment_key(), [90], now=FIRST_DAY + 9 * DAY)
    assert "does not reach back 90 days" in found.missing
    near = read_pasts(
        clone, clone / ".memguard/baseline", environment_key(), [1], now=FIRST_DAY + 4 * DAY + DAY / 2
    )
    assert near.missing == ""


def test_without_a_repository_creep_says_that_it_is_not_judged(tmp_path: Path) -> None:
    found = read_pasts(tmp_path, tmp_path / "baseline", environment_key(), [90])
    assert "is in no git repository" in found.missing


@pytest.mark.parametrize(
    "value", ["20%", "20 in 90 days", "20% in 0 days", "0% in 9 days", "", 20, "20% in 3 months"]
)
def test_a_setting_that_says_no_share_or_time_is_refused(value: object) -> None:
    with pytest.raises(ValueFormError, match="accepted is a text such as '20% in 90 days'"):
        parse_creep(value)


def test_a_step_that_is_accepted_and_not_committed_yet_is_a_decision_too() -> None:
    past = Past(FIRST_DAY.date(), Entry({"peak": 10 * MIB}))
    assert verdict_of(30 * MIB, 30 * MIB, past, "20% in 90 days").outcome is Outcome.OK


def test_growth_that_fails_by_itself_has_not_crept() -> None:
    past = Past(FIRST_DAY.date(), Entry({"peak": 10 * MIB}))
    verdict = verdict_of(600 * MIB, 10 * MIB, past, "20% in 90 days")
    assert (verdict.outcome, verdict.creep) == (Outcome.GREW, None)


def test_a_commit_with_an_old_date_hides_none_before_it(made: MadeRepository) -> None:
    for day, peak in (("2026-01-02", 10 * MIB), ("2026-04-10", 12 * MIB), ("2026-04-20", 14 * MIB)):
        made.accept({A: peak}, day=day)
    made.git("commit", "-q", "--allow-empty", "-m", "docs", GIT_COMMITTER_DATE="2026-01-03T00:00:00Z")
    limit = parse_creep("20% in 90 days")
    past = pasts_at(made, limit, number=120).of(A, limit)
    assert past is not None
    assert past.entry.metrics["peak"] == 10 * MIB
    assert verdict_of(14 * MIB, 14 * MIB, past, str(limit)).outcome is Outcome.CREPT


def test_small_steps_are_followed_through_a_moved_folder(made: MadeRepository) -> None:
    settings = made.root / "pyproject.toml"
    settings.write_text("[tool.memguard]\n")
    for day, peak in (("2026-01-02", 100), ("2026-01-10", 110)):
        made.accept({A: peak * MIB}, day=day)
    settings.write_text('[tool.memguard]\nbaseline = "memory"\n')
    shutil.move(made.store.directory, made.root / "memory")
    made.store = BaselineStore(made.root / "memory", environment_key())
    made.accept({A: 121 * MIB}, day="2026-01-20")
    limit = parse_creep("20% in 90 days")
    past = pasts_at(made, limit, number=60).of(A, limit)
    assert past is not None
    assert past.entry.metrics["peak"] == 100 * MIB
    assert verdict_of(121 * MIB, 121 * MIB, past, str(limit)).outcome is Outcome.CREPT


def test_what_a_new_test_may_have_been_is_said_until_somebody_has_looked_at_it(made: MadeRepository) -> None:
    limit = parse_creep("20% in 90 days")
    made.accept({A: 100 * MIB}, day="2026-01-02")
    made.accept({A: None, "tests/test_x.py::z": 110 * MIB}, day="2026-01-10")
    past = pasts_at(made, limit, number=60).of("tests/test_x.py::z", limit)
    assert past is not None
    assert past.perhaps == (A,)
    assert f"counts only from 2026-01-10 on, when it was new and {A}, removed then, may" in origin_text(past)
    made.accept({"tests/test_x.py::z": 110 * MIB}, day="2026-01-11", note="another test")
    past = pasts_at(made, limit, number=60).of("tests/test_x.py::z", limit)
    assert past is not None
    assert past.perhaps == ()
