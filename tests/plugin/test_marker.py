"""Where the marker can stand, and which of several wins."""

from __future__ import annotations

import re

import pytest

from pytest_memguard.core.policy import POLICY_KEYS
from tests.guarded_project import GuardedProject


def test_the_marker_guards_functions_classes_modules_and_cases(project: GuardedProject) -> None:
    project.write(
        test_single="""
            import pytest

            @pytest.mark.memguard
            def test_function(): pass

            @pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.memguard)])
            def test_one_case(n): pass

            @pytest.mark.memguard
            @pytest.mark.parametrize("n", [1, 2])
            def test_cases(n): pass

            @pytest.mark.memguard
            class TestMarked:
                def test_method(self): pass

            class TestUnmarked:
                def test_method(self): pass

            def test_unmarked(): pass
        """,
        test_module="""
            import pytest

            pytestmark = pytest.mark.memguard

            def test_in_module(): pass
        """,
    )
    run = project.run()
    assert run.code == 0
    assert sorted(run.outcomes()) == [
        "TestMarked::test_method",
        "test_cases[1]",
        "test_cases[2]",
        "test_function",
        "test_in_module",
        "test_one_case[2]",
    ]


def test_the_closest_marker_wins_argument_by_argument(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            pytestmark = pytest.mark.memguard(max_peak="1 KiB", max_retained="1 GiB")

            @pytest.mark.memguard(max_peak="10 MiB")
            class TestLarge:
                def test_class_limit(self): bytearray(1_000_000)

                @pytest.mark.memguard(max_peak="2 KiB")
                def test_own_limit(self): bytearray(1_000_000)

                @pytest.mark.memguard(on_growth="warn")
                def test_inherited(self): bytearray(1_000_000)

            def test_module_limit(): bytearray(1_000_000)
        """
    )
    run = project.run()
    assert run.outcomes() == {
        "TestLarge::test_class_limit": "no-baseline",
        "TestLarge::test_own_limit": "over-limit",
        "TestLarge::test_inherited": "no-baseline",
        "test_module_limit": "over-limit",
    }
    limits = {name: test["metrics"]["peak"]["limit"] for name, test in run.results().items()}
    assert limits == {
        "TestLarge::test_class_limit": 10 * 2**20,
        "TestLarge::test_own_limit": 2048,
        "TestLarge::test_inherited": 10 * 2**20,
        "test_module_limit": 1024,
    }
    assert run.results()["test_module_limit"]["metrics"]["retained"]["limit"] == 2**30


@pytest.mark.parametrize(
    ("written", "sentences"),
    [
        ("tolerence='5%'", ["there is no argument 'tolerence'", "did you mean 'tolerance'?"]),
        ("max_peak='64 MiBs'", ["max_peak: '64 MiBs' is not a size", "'64 KiB'"]),
        ("tolerance='five'", ["tolerance: 'five' is not a tolerance", "'5%, 64 KiB'"]),
        ("tolerance={'peek': '5%'}", ["the metric 'peek', did you mean 'peak'?"]),
        ("leaks='yes'", ["leaks: 'yes' is not a switch; accepted are true and false"]),
        ("threads=0", ["threads: 0 is not a number of threads or tasks; accepted: 1 to 256"]),
        ("meter='psutil'", ["meter: 'psutil' is not a meter; accepted are 'memray' and 'tracemalloc'"]),
        ("'5%'", ["keyword arguments only, got '5%'"]),
        ("max_peak=-1", ["max_peak: -1 is not a size"]),
        ("max_allocations=True", ["max_allocations: True is not a count"]),
    ],
)
def test_an_argument_that_cannot_be_used_ends_the_run_before_any_test(
    project: GuardedProject, written: str, sentences: list[str]
) -> None:
    project.write(
        test_it=f"""
            import pytest

            def test_first():
                print("ran")

            @pytest.mark.memguard({written})
            def test_marked(): pass
        """
    )
    run = project.run("-s")
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "ran" not in run.lines
    said = " ".join((run.errors + run.text).split())
    assert "test_it.py::test_marked" in said
    for sentence in sentences:
        assert sentence in said
    assert "INTERNALERROR" not in run.text + run.errors
    assert "Traceback" not in run.text + run.errors


def test_a_wrong_argument_goes_unnoticed_where_memguard_is_not_asked_for(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.mark.memguard(tolerence="5%")
            def test_marked(): pass
        """
    )
    assert project.run("--strict-markers", guard=False).code == 0


def test_the_marker_is_listed_with_every_argument_it_takes(project: GuardedProject) -> None:
    listed = project.run("--markers", guard=False).text
    (line,) = [line for line in listed.splitlines() if line.startswith("@pytest.mark.memguard(")]
    assert re.findall(r"(\w+)=", line.partition("):")[0]) == list(POLICY_KEYS)
