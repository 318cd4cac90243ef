"""Regions and single calls, measured through the fixture as entries of their own."""

from __future__ import annotations

from pytest_memguard.gate.confirm import CONFIRMING_SAMPLES_AT_MOST
from tests.guarded_project import GuardedProject
from tests.meter_here import HARNESS_BYTES


def about(measured: int, expected: int) -> bool:
    """Allow for what the interpreter itself needs to enter and leave a block."""
    return expected <= measured < expected + 512 + HARNESS_BYTES


PIPELINE = """
    import os, pytest
    N = int(os.environ.get("N", 200_000))

    @pytest.mark.parametrize("size", [1, 2])
    def test_pipeline(memguard, size):
        rows = bytearray(1_000_000)
        with memguard.measure("transform"):
            held = bytearray(N * size)
        for step in (1, 3, 2):
            with memguard.measure("steps"):
                bytearray(step * 100_000)
"""


def test_regions_are_entries_of_their_own(project: GuardedProject) -> None:
    project.write(test_it=PIPELINE)
    project.accept()
    assert "test_pipeline[1]::transform:" in project.entries()
    run = project.run()
    assert run.outcomes() == {
        f"test_pipeline[{size}]::{name}": "ok" for size in (1, 2) for name in ("steps", "transform")
    }
    assert about(run.measured("test_pipeline[2]::transform"), 400_057)
    assert about(run.measured("test_pipeline[2]::transform", "retained"), 400_057)
    project.let(N=400_000)
    run = project.run()
    assert run.counted() == {"failed": 2}
    assert run.outcomes()["test_pipeline[1]::transform"] == "grew"
    assert run.outcomes()["test_pipeline[1]::steps"] == "ok"
    assert run.results()["test_pipeline[1]::transform"]["samples"] == 3
    assert "memguard accept 'test_it.py::test_pipeline[1]::transform'" in run.summary


def test_of_a_region_in_a_loop_the_largest_figures_count(project: GuardedProject) -> None:
    project.write(test_it=PIPELINE)
    assert about(project.run().measured("test_pipeline[1]::steps"), 300_057)


def test_a_region_inside_another_is_not_measured_and_says_why(project: GuardedProject) -> None:
    project.write(
        test_it="""
            def test_nested(memguard):
                with memguard.measure("outer"):
                    held = bytearray(100_000)
                    with memguard.measure("inner"):
                        more = bytearray(100_000)
        """
    )
    run = project.run()
    assert run.outcomes() == {"test_nested::outer": "no-baseline", "test_nested::inner": "not-measured"}
    assert run.reason("test_nested::inner") == (
        "regions cannot be nested, and it ran inside the region 'outer'"
    )
    assert about(run.measured("test_nested::outer"), 200_114)


def test_a_marked_test_is_measured_whole_and_by_regions(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.mark.memguard(max_peak="1 MiB")
            def test_both(memguard):
                rows = bytearray(300_000)
                with memguard.measure("part"):
                    held = bytearray(100_000)
        """
    )
    run = project.run()
    assert run.code == 0
    assert about(run.measured("test_both::part"), 100_057)
    assert 400_114 <= run.measured("test_both") < 410_000


def test_regions_of_a_marked_test_that_cannot_run_twice_are_said(project: GuardedProject) -> None:
    text = """
        import os, pytest
        USED = []

        @pytest.mark.memguard
        def test_once(memguard):
            if USED and os.environ.get("ONCE"): raise ValueError("only once")
            USED.append(1)
            with memguard.measure("part"):
                held = bytearray(100_000)
    """
    project.write(test_it=text)
    project.accept()
    project.let(ONCE=1)
    run = project.run()
    assert run.code == 0
    assert run.outcomes() == {"test_once": "ok", "test_once::part": "not-measured"}
    assert run.reason("test_once::part").endswith("its second run failed with ValueError: only once")


def test_a_region_that_raises_fails_as_the_test_fails(project: GuardedProject) -> None:
    project.write(
        test_it="""
            def test_raises(memguard):
                with memguard.measure("part"):
                    raise ValueError("mine")

            def test_after(memguard):
                with memguard.measure("part"):
                    bytearray(1000)
        """
    )
    run = project.run()
    assert run.counted() == {"failed": 1, "passed": 1}
    assert run.outcomes() == {"test_raises": "not-measured", "test_after::part": "no-baseline"}


def test_the_limits_of_a_test_hold_for_its_regions(project: GuardedProject) -> None:
    project.write(
        {"pyproject.toml": "[tool.memguard]\nmax_peak = '50 KiB'\n"},
        test_it="""
            def test_limited(memguard):
                with memguard.measure("large"): bytearray(100_000)
                with memguard.measure("small"): bytearray(10_000)
        """,
    )
    run = project.run()
    assert run.outcomes() == {"test_limited::large": "over-limit", "test_limited::small": "no-baseline"}


def test_regions_and_calls_do_their_work_where_memguard_is_not_asked_for(project: GuardedProject) -> None:
    project.write(
        test_it="""
            def test_works(memguard):
                calls = []
                with memguard.measure("part"): calls.append(1)
                memguard.check_leaks(lambda: calls.append(2))
                assert calls == [1, 2]
        """
    )
    assert project.run(guard=False).counted() == {"passed": 1}


def test_regions_in_threads_and_async_tests(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import asyncio, pytest

            @pytest.mark.asyncio
            async def test_async(memguard):
                with memguard.measure("awaited"):
                    held = bytearray(100_000)
                    await asyncio.sleep(0)
        """
    )
    run = project.run("-o", "asyncio_default_fixture_loop_scope=function", plugins=("pytest_asyncio.plugin",))
    # What the event loop does meanwhile counts as well.
    assert 100_057 <= run.measured("test_async::awaited") < 130_000


def test_any_name_is_kept(project: GuardedProject) -> None:
    names = ("a b", "größer", "a::b", "[x]", "a/b")
    project.write(
        test_it=f"""
            def test_named(memguard):
                for name in {names}:
                    with memguard.measure(name): bytearray(100_000)
        """
    )
    project.accept()
    assert project.run().outcomes() == {f"test_named::{name}": "ok" for name in names}


def test_a_region_that_runs_the_first_time_only_is_judged_on_that(project: GuardedProject) -> None:
    project.write(
        test_it="""
            BUILT = []

            def test_lazy(memguard):
                if not BUILT:
                    with memguard.measure("build"):
                        BUILT.append(bytes(100_000))
                with memguard.measure("use"):
                    bytearray(1000)
        """
    )
    run = project.run()
    assert run.outcomes() == {"test_lazy::build": "no-baseline", "test_lazy::use": "no-baseline"}
    assert run.results()["test_lazy::build"]["samples"] == 1


def test_a_region_whose_samples_disagree_is_confirmed_as_a_whole_test_is(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import os, pytest
            RUNS = []

            def size():
                RUNS.append(1)
                return (300_000, 900_000)[len(RUNS) % 2] if os.environ.get("GROWN") else 100_000

            @pytest.mark.memguard
            def test_whole(): held = bytearray(size())

            def test_parts(memguard):
                with memguard.measure("part"):
                    held = bytearray(size())
        """
    )
    project.accept()
    project.let(GROWN=1)
    run = project.run()
    assert run.outcomes() == {"test_whole": "grew", "test_parts::part": "grew"}
    assert {name: result["samples"] for name, result in run.results().items()} == {
        "test_whole": CONFIRMING_SAMPLES_AT_MOST,
        "test_parts::part": CONFIRMING_SAMPLES_AT_MOST,
    }


CHECKS = """
    import pytest
    KEPT = []
    def clean(): pass
    def leaky(): KEPT.append(bytearray(500))
    ONCE = []
    def once():
        if ONCE: raise FileExistsError("out")
        ONCE.append(1)

    @pytest.mark.parametrize("bodies", [(leaky, clean), (clean, leaky, clean)], ids=["first", "between"])
    def test_several(memguard, bodies):
        for body in bodies: memguard.check_leaks(body, leak_budget=0.1)

    def test_clean(memguard): memguard.check_leaks(clean, leak_budget=0.1)

    def test_once(memguard): memguard.check_leaks(once)

    def test_unknown(memguard): memguard.check_leaks(clean, leak_buget=0.1)

    def test_broken(memguard): memguard.check_leaks(lambda: 1 / 0)
"""


def test_of_several_checks_of_one_name_the_worst_counts(project: GuardedProject) -> None:
    project.write(test_it=CHECKS)
    run = project.run("-k", "several or clean")
    assert run.outcomes() == {
        "test_several[first]::leaks": "leaked",
        "test_several[between]::leaks": "leaked",
        "test_clean::leaks": "no-baseline",
    }
    assert run.counted() == {"failed": 2, "passed": 1, "deselected": 3}


def test_a_call_that_cannot_be_checked_is_told_in_one_sentence(project: GuardedProject) -> None:
    project.write(test_it=CHECKS)
    run = project.run("-k", "once or unknown or broken")
    assert run.outcomes() == {
        "test_once::leaks": "not-measured",
        "test_unknown": "not-measured",
        "test_broken": "not-measured",
    }
    failed = "its body cannot be repeated: call 2 failed with FileExistsError: out"
    assert run.reason("test_once::leaks") == f"{failed}; create what it uses up inside the body"
    assert run.counted() == {"failed": 2, "passed": 1, "deselected": 3}
    assert "there is no argument 'leak_buget', did you mean 'leak_budget'?" in run.text
    assert "ZeroDivisionError" in run.text
    assert "CannotRepeatError" not in run.text
    assert "UnknownNameError" not in run.text
    project.let(CI=1)
    assert project.run("-k", "once").counted() == {"failed": 1, "deselected": 5}
