from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.core.errors import NothingToJudgeError, ResultsError
from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.core.measurement import Measurement
from pytest_memguard.core.outcome import Outcome
from pytest_memguard.core.plain_values import from_plain, to_plain
from pytest_memguard.core.run_results import RunProblem, RunResults, TestResult
from pytest_memguard.core.sample import Sample
from pytest_memguard.core.sites import Site, SiteBytes
from pytest_memguard.core.verdict import MetricVerdict, Verdict
from pytest_memguard.guard.fresh_messages import FreshResult
from pytest_memguard.storage.bounded_reading import LARGEST_FILE_BYTES
from pytest_memguard.storage.results import (
    read_results,
    read_results_by_environment,
    results_text,
    write_results,
)
from pytest_memguard.storage.results_json import result_from_json, result_to_json
from tests.hypothesis_profile import WITH_FIXTURES
from tests.storage.bad_results import BAD_RESULTS, GOOD
from tests.storage.generated_values import ENVIRONMENT, every_field, results, runs, sizes

SCHEMA = json.loads(
    files("pytest_memguard.storage").joinpath("results.schema.json").read_text(encoding="utf-8")
)


def stored(result: TestResult) -> TestResult:
    """What is left of a result: a test that is simply ok keeps no sites and no curve."""
    measurement = result.measurement
    if measurement is None or result.outcome is not Outcome.OK or result.hints:
        return result
    leak = None if measurement.leak is None else replace(measurement.leak, sites=())
    return replace(result, measurement=replace(measurement, sites=(), leak=leak, curve=None))


@given(result=results())
def test_a_result_crosses_processes_as_plain_json(result: TestResult) -> None:
    assert result_from_json(json.loads(json.dumps(result_to_json(result)))) == stored(result)


@given(
    sample=every_field(Sample),
    leak=st.none() | every_field(LeakFinding, calls=sizes, judged_from_calls=sizes),
)
def test_a_sample_and_a_finding_come_home_from_an_interpreter_of_their_own_as_they_were(
    sample: Sample, leak: LeakFinding | None
) -> None:
    sent = FreshResult("passed", notes=("a",), sections=(("out", "b"),), sample=sample, leak=leak)
    assert from_plain(FreshResult, json.loads(json.dumps(to_plain(sent)))) == sent


@WITH_FIXTURES
@given(run=runs)
def test_a_run_reads_back_and_fits_the_schema(tmp_path: Path, run: RunResults) -> None:
    path = tmp_path / "last.json"
    write_results(path, run)
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), SCHEMA)
    assert read_results([path]) == replace(run, tests=tuple(stored(test) for test in run.tests))


def test_the_schema_is_a_schema_and_can_refuse() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    good = json.loads(results_text(RunResults(ENVIRONMENT, (result("t.py::a"),))))
    jsonschema.validate(good, SCHEMA)
    for place, value in (("outcome", "fine"), ("samples", -1), ("metrics", {"peek": {"measured": 1}})):
        bad = json.loads(json.dumps(good))
        bad["tests"][0][place] = value
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, SCHEMA)


def result(test_id: str, outcome: Outcome = Outcome.OK, peak: int = 5, **more: Any) -> TestResult:
    return TestResult(
        id=test_id,
        verdict=Verdict(outcome, "because", (MetricVerdict("peak", peak, outcome, 5, 10, "tolerance"),)),
        measurement=Measurement(meter="memray", samples=1, metrics={"peak": peak}),
        **more,
    )


def unmeasured(outcome: Outcome) -> TestResult:
    return TestResult("a", Verdict(outcome, "crashed"))


def written(path: Path, *tests: TestResult, environment: str = ENVIRONMENT, **more: Any) -> Path:
    write_results(path, RunResults(environment, tests, **more))
    return path


def test_a_hundred_thousand_ok_tests_stay_below_the_cap() -> None:
    name = "tests/some_package/test_some_module.py::TestClass::test_something[parameter-{}]"
    metrics = {"peak": 50_541_363, "retained": 72_000, "allocations": 123_456}
    one = TestResult(
        id=name,
        verdict=Verdict(
            Outcome.OK,
            "peak is within the tolerance of what was accepted",
            tuple(
                MetricVerdict(key, size, Outcome.OK, size, size, "tolerance") for key, size in metrics.items()
            ),
        ),
        measurement=Measurement(
            "memray",
            1,
            metrics,
            first_cost={"peak": 1_000_000},
            sites=tuple(SiteBytes(Site(f"a/file_{n}.py", n, "function"), 10**7) for n in range(50)),
        ),
    )
    assert len(json.dumps(result_to_json(one))) * 100_000 < LARGEST_FILE_BYTES


def test_a_test_that_is_not_ok_keeps_everything() -> None:
    leak = LeakFinding(
        leaking=True, bytes_per_call=8, calls=9, sites=(SiteBytes(Site("a.py", 1, "f"), 0, 8),)
    )
    grew = result("t.py::a", Outcome.GREW, fails=True, hints=("look",), note="known")
    grew = replace(
        grew,
        measurement=Measurement(
            "memray", 3, {"peak": 5}, sites=(SiteBytes(Site("a.py", 1, "f"), 5),), leak=leak
        ),
    )
    assert result_from_json(result_to_json(grew)) == grew


def test_shards_merge_and_sort(tmp_path: Path) -> None:
    first = written(tmp_path / "1.json", result("t.py::b"), made_with={"python": "3.11.7"}, advisory=True)
    problem = RunProblem("nothing", "no guarded test", fails=True)
    second = written(
        tmp_path / "2.json", result("t.py::a"), made_with={"memray": "1.20"}, problems=(problem,)
    )
    merged = read_results([first, second])
    assert [test.id for test in merged.tests] == ["t.py::a", "t.py::b"]
    assert merged.made_with == {"python": "3.11.7", "memray": "1.20"}
    assert merged.problems == (problem,)
    assert not merged.advisory


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (result("a"), result("a", Outcome.GREW), Outcome.GREW),
        (result("a", Outcome.GREW), result("a"), Outcome.GREW),
        (result("a", Outcome.GREW), result("a", Outcome.LEAKED), Outcome.LEAKED),
        (result("a", Outcome.IMPROVED), result("a", Outcome.NEW), Outcome.NEW),
        (unmeasured(Outcome.UNGUARDED), result("a"), Outcome.OK),
        (result("a", Outcome.UNGUARDED), result("a"), Outcome.UNGUARDED),
        (replace(unmeasured(Outcome.NOT_MEASURED), fails=True), result("a"), Outcome.NOT_MEASURED),
        (unmeasured(Outcome.NOT_MEASURED), unmeasured(Outcome.STALE), Outcome.NOT_MEASURED),
        (unmeasured(Outcome.STALE), result("a"), Outcome.OK),
        (unmeasured(Outcome.NOT_MEASURED), result("a"), Outcome.OK),
        (result("a"), unmeasured(Outcome.NOT_MEASURED), Outcome.OK),
    ],
)
def test_of_one_test_in_two_files_the_worst_counts_whatever_their_order(
    tmp_path: Path, first: TestResult, second: TestResult, kept: Outcome
) -> None:
    paths = [written(tmp_path / "1.json", first), written(tmp_path / "2.json", second)]
    for order in (paths, paths[::-1]):
        assert [test.outcome for test in read_results(order).tests] == [kept]


def test_of_two_that_grew_the_one_that_grew_more_counts(tmp_path: Path) -> None:
    grew = [result("a", Outcome.GREW, peak=size) for size in (7, 9, 8)]
    paths = [written(tmp_path / f"{number}.json", test) for number, test in enumerate(grew)]
    assert read_results(paths).tests == (grew[1],)


def test_environments_are_kept_apart(tmp_path: Path) -> None:
    other = "cpython-3.12-linux-x86_64"
    paths = [
        written(tmp_path / "2.json", result("a"), environment=other),
        written(tmp_path / "1.json", result("a")),
    ]
    assert [run.environment for run in read_results_by_environment(paths)] == [ENVIRONMENT, other]
    with pytest.raises(ResultsError, match="several environments"):
        read_results(paths)


def test_missing_results_are_nothing_to_judge(tmp_path: Path) -> None:
    with pytest.raises(NothingToJudgeError) as caught:
        read_results([tmp_path / "last.json"])
    assert str(caught.value) == (
        f"there are no results at {tmp_path / 'last.json'}; create them with `pytest --memguard`."
    )
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("name", BAD_RESULTS)
def test_bad_results_are_refused_with_the_place(tmp_path: Path, name: str) -> None:
    text, message = BAD_RESULTS[name]
    path = tmp_path / "last.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ResultsError) as caught:
        read_results([path])
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).endswith("Create it again with `pytest --memguard`.")
    assert str(caught.value).isprintable()


def test_keys_of_later_versions_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "last.json"
    path.write_text(json.dumps(GOOD), encoding="utf-8")
    assert [test.id for test in read_results([path]).tests] == ["t.py::a"]


def test_a_file_over_the_cap_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "last.json"
    with path.open("wb") as file:
        file.truncate(100 * 1024**2)
    with pytest.raises(ResultsError, match=r"is larger than 64\.0 MiB"):
        read_results([path])


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.json"
    path.write_bytes(b'{"format": "\xff"}')
    with pytest.raises(ResultsError, match="is not UTF-8: invalid start byte at byte 12"):
        read_results([path])


@pytest.mark.parametrize(
    ("file", "kept"),
    [("/build/x.c", "build/x.c"), ("../../y.py", "y.py"), ("C:\\a\\b.py", "a/b.py"), ("", "?")],
)
def test_a_site_outside_is_written_as_if_inside(file: str, kept: str) -> None:
    grew = replace(
        result("t.py::a", Outcome.GREW),
        measurement=Measurement("memray", 1, {"peak": 5}, sites=(SiteBytes(Site(file, 1, "f"), 5),)),
    )
    read = result_from_json(result_to_json(grew))
    assert read.measurement is not None
    assert read.measurement.sites[0].site.file == kept


def test_an_undecodable_file_name_is_spelled_out() -> None:
    assert result_from_json(result_to_json(result("t\udc80.py::a"))).id == "t\\udc80.py::a"


def test_results_that_cannot_be_written_say_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match=r"cannot be written: .*--memguard-json\."):
        write_results(tmp_path / "file" / "last.json", RunResults(ENVIRONMENT, ()))
