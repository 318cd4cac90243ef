"""What varies from sample to sample goes into the entry and widens that test's tolerance, and no further."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject

TWICE = 2 * 400_000  # so much of a spread is tolerated; a second thread has some 30 KB of its own

BODIES = {
    "chance": """
        import itertools, os, pytest
        more = itertools.cycle([0, 400_000])

        @pytest.mark.memguard
        def test_varies():
            held = bytearray(int(os.environ["BASE"]) + next(more))

        @pytest.mark.memguard
        def test_steady():
            held = bytearray(int(os.environ["BASE"]))
    """,
    "threads": """
        import itertools, os, threading, pytest
        runs = itertools.count()

        @pytest.mark.memguard
        def test_varies():
            both = threading.Barrier(2)

            def work(size, at_once):
                if at_once: both.wait()          # both hold theirs, or one after the other
                held = bytearray(size)
                if at_once: both.wait()

            at_once = next(runs) % 2
            threads = [
                threading.Thread(target=work, args=(size, at_once))
                for size in (int(os.environ["BASE"]), 400_000)
            ]
            for thread in threads:
                thread.start()
                if not at_once: thread.join()
            for thread in threads:
                thread.join()

        @pytest.mark.memguard
        def test_steady():
            held = bytearray(int(os.environ["BASE"]))
    """,
}


@pytest.mark.parametrize("kind", BODIES)
def test_spread_of_an_entry_widens_its_tolerance_by_evidence_only(project: GuardedProject, kind: str) -> None:
    project.write(test_it=BODIES[kind])
    project.let(BASE=3_000_000)
    accepted = project.accept()
    assert {name: test["samples"] for name, test in accepted.results().items()} == {
        "test_varies": 5,
        "test_steady": 2,
    }
    assert project.entries().count("spread: ") == 1
    project.let(BASE=3_000_000 + TWICE - 100_000)
    assert project.run().outcomes() == {"test_varies": "ok", "test_steady": "grew"}
    project.let(BASE=3_000_000 + TWICE + 200_000)
    run = project.run()
    assert run.code == 1
    assert run.outcomes() == {"test_varies": "grew", "test_steady": "grew"}
    assert run.results()["test_varies"]["samples"] == 6
    assert run.results()["test_steady"]["samples"] == 3


PAID_ONCE = """
    import itertools, os, pytest
    calls = itertools.count(1)
    KEPT = []

    @pytest.mark.memguard
    def test_pays_once():
        held = bytearray(int(os.environ["BASE"]))
        if next(calls) == 2:  # as a table of the interpreter that becomes full
            KEPT.append(bytearray(2_000_000))
"""


def test_what_one_warm_sample_pays_once_widens_no_tolerance(project: GuardedProject) -> None:
    project.write(test_it=PAID_ONCE)
    project.let(BASE=1_000_000)
    assert project.accept().results()["test_pays_once"]["samples"] == 8
    assert "spread" not in project.entries()
    project.let(BASE=1_300_000)
    run = project.run()
    assert run.outcomes() == {"test_pays_once": "grew"}


OUTLIER = """
    import itertools, os, pytest
    calls = itertools.count()

    @pytest.mark.memguard
    def test_it():
        is_outlier = os.environ.get("OUTLIER") and next(calls) in (1, 4)
        held = bytearray(40_000_000 if is_outlier else int(os.environ["SIZE"]))
"""


def test_outliers_at_accepting_hide_no_growth_and_are_told(project: GuardedProject) -> None:
    project.write(test_it=OUTLIER)
    project.let(OUTLIER=1, SIZE=1_000_000)
    assert "varies by 37." in project.accept().summary
    project.let(OUTLIER="", SIZE=1_000_000)
    steady = project.run()
    assert steady.outcomes() == {"test_it": "ok"}
    assert "blind: 1 entry tolerates too much" in steady.summary
    project.let(SIZE=1_600_000)
    noisy = project.run()
    assert noisy.outcomes() == {"test_it": "not-measured"}
    assert "too noisy to judge" in noisy.summary
    assert noisy.results()["test_it"]["samples"] == 3
    project.let(SIZE=70_000_000)
    assert project.run().outcomes() == {"test_it": "grew"}
