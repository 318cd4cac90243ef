"""Child processes: what `children=True` counts, and that what it cannot count is said."""

from __future__ import annotations

import sys

import pytest

from tests.guarded_project import GuardedProject


def test_children_are_counted_where_the_marker_says_so(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import multiprocessing, subprocess, sys, pytest

            def work(): held = bytearray(3_000_000)

            def spend():
                child = multiprocessing.get_context("fork").Process(target=work)
                child.start()
                child.join()
                assert child.exitcode == 0

            @pytest.mark.memguard
            def test_without(): spend()

            @pytest.mark.memguard(children=True)
            def test_with(): spend()

            @pytest.mark.memguard
            def test_program(): subprocess.run([sys.executable, "-S", "-c", ""], check=True)

            @pytest.mark.memguard
            def test_none(): pass
        """
    )
    run = project.spawn()
    assert run.counted()["passed"] == 4
    assert run.measured("test_without") < 1_000_000
    assert run.measured("test_with") > 3_000_000
    noted = {name for name, test in run.results().items() if test["measurement"].get("notes")}
    assert noted == {"test_without", "test_program"}
    assert (
        "note  2 tests (test_it.py::test_program, …): it starts child processes, whose memory is not counted"
        in run.summary
    )


def test_children_that_memray_cannot_follow_are_no_silent_pass(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import multiprocessing, subprocess, sys, pytest

            def work(): held = bytearray(3_000_000)

            @pytest.mark.memguard(children=True)
            def test_program(): subprocess.run([sys.executable, "-S", "-c", ""], check=True)

            @pytest.mark.memguard(children=True)
            def test_spawned():
                child = multiprocessing.get_context("spawn").Process(target=work)
                child.start()
                child.join()

            test_spawned_again = test_spawned  # beside what tracks its resources for all of them

            @pytest.mark.memguard(children=True)
            def test_alone(): pass
        """
    )
    run = project.spawn()
    assert run.outcomes() == {
        "test_program": "not-measured",
        "test_spawned": "not-measured",
        "test_spawned_again": "not-measured",
        "test_alone": "no-baseline",
    }
    for name in ("test_program", "test_spawned", "test_spawned_again"):
        assert "children=True counts only forked child processes" in run.reason(name)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what another process does")
def test_a_worker_of_a_fixture_is_told_and_refused_where_children_are_to_be_counted(
    project: GuardedProject,
) -> None:
    project.write(
        test_it="""
            import multiprocessing, pytest
            KEPT = []

            def work(number):
                KEPT.append(bytearray(20_000))
                return number

            @pytest.fixture(scope="module")
            def pool():
                with multiprocessing.get_context("fork").Pool(1) as pool:
                    pool.apply(work, (1,))
                    yield pool

            @pytest.mark.memguard(leaks=True, children=True)
            def test_leak(pool): assert pool.apply(work, (1,)) == 1

            @pytest.mark.memguard(children=True, max_retained="64 KiB")
            def test_keeps(pool):
                for number in range(100): assert pool.apply(work, (number,)) == number

            @pytest.mark.memguard
            def test_uncounted(pool): assert pool.apply(work, (1,)) == 1

            @pytest.mark.memguard(children=True)
            def test_idle(pool): pass
        """
    )
    run = project.spawn()
    assert run.counted() == {"passed": 4}
    assert run.outcomes() == {
        "test_idle": "no-baseline",
        "test_keeps": "not-measured",
        "test_leak": "not-measured",
        "test_uncounted": "no-baseline",
    }
    sentence = (
        "child processes that were started before it work for it, and their memory cannot be counted; "
        "start them in the test"
    )
    assert run.reason("test_leak") == run.reason("test_keeps") == sentence
    noted = {name for name, test in run.results().items() if test.get("measurement", {}).get("notes")}
    assert noted == {"test_uncounted"}


WAYS = """
    import multiprocessing, os, subprocess, sys, pytest
    from multiprocessing import shared_memory

    def work(): held = bytearray(3_000_000)

    def fork():
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()

    PROGRAM = [sys.executable, "-S", "-c", ""]

    def start_and_fork():
        subprocess.run(PROGRAM, check=True)
        fork()

    def fork_that_starts():
        child = multiprocessing.get_context("fork").Process(target=subprocess.run, args=(PROGRAM,))
        child.start()
        child.join()

    def fork_that_becomes_another():
        process = os.fork()
        if not process:
            os.execv(PROGRAM[0], PROGRAM)
        os.waitpid(process, 0)

    def start_and_leave(kept=[]):
        kept.append(subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE))

    def fork_with_books():
        memory = shared_memory.SharedMemory(create=True, size=100)
        fork()
        memory.close()
        memory.unlink()

    @pytest.fixture(autouse=True)
    def ended():
        yield
        for process in start_and_leave.__defaults__[0]:
            process.communicate()
"""


def test_a_program_beside_a_fork_is_no_silent_pass(project: GuardedProject) -> None:
    project.write(
        ways=WAYS,
        test_it="""
            from ways import *

            @pytest.mark.memguard(children=True)
            @pytest.mark.parametrize("way", [fork_with_books, start_and_fork, fork_that_starts,
                                             fork_that_becomes_another, start_and_leave])
            def test_way(way): way()

            @pytest.mark.memguard(children=True)
            def test_region(memguard):
                with memguard.measure("part"):
                    start_and_fork()

            @pytest.fixture
            def program(): subprocess.run(PROGRAM, check=True)

            @pytest.mark.memguard(children=True, fixtures=True)
            def test_fixture(program): fork()

            @pytest.mark.memguard(children=True, fresh=True)
            def test_fresh(): start_and_fork()

            @pytest.mark.memguard(children=True)
            def test_mock(monkeypatch):
                monkeypatch.setattr(os, "system", lambda command: 0)
                assert os.system("true") == 0
                fork()
        """,
    )
    run = project.spawn()
    assert run.counted() == {"passed": 9}, run.text
    refused = {name for name, outcome in run.outcomes().items() if outcome == "not-measured"}
    assert refused == {
        "test_way[start_and_fork]",
        "test_way[fork_that_starts]",
        "test_way[fork_that_becomes_another]",
        "test_way[start_and_leave]",
        "test_region",
        "test_region::part",
        "test_fixture",
        "test_fresh",
    }
    assert all("children=True counts only forked child processes" in run.reason(name) for name in refused)


def test_a_program_or_a_daemon_is_seen_whatever_started_it(project: GuardedProject) -> None:
    project.write(
        ways=WAYS,
        test_it="""
            from os import posix_spawn, system
            from subprocess import Popen
            from ways import *

            READ, WRITE = os.pipe()

            def system_beside_a_fork():
                assert system("true") == 0
                fork()

            def spawn_beside_a_fork():
                fork()
                os.waitpid(posix_spawn(PROGRAM[0], PROGRAM, {}), 0)

            def popen_beside_a_fork():
                fork()
                Popen(PROGRAM).wait()

            def daemon():
                first = os.fork()
                if not first:
                    if not os.fork():
                        os.close(WRITE)
                        os.read(READ, 1)  # until this process has closed the other end, or ended
                    os._exit(0)
                os.waitpid(first, 0)

            @pytest.mark.memguard(children=True)
            @pytest.mark.parametrize("way", [
                fork, system_beside_a_fork, spawn_beside_a_fork, popen_beside_a_fork, daemon
            ])
            def test_way(way): way()
        """,
        test_c="""
            import ctypes
            from ways import *
            C_SYSTEM = ctypes.CDLL(None).system

            @pytest.mark.memguard(children=True)
            def test_c():
                fork()
                assert C_SYSTEM(b"true") == 0
        """,
    )
    run = project.spawn("test_c.py")
    assert run.outcomes() == {"test_c": "not-measured"}
    assert "C function `system`" in run.reason("test_c")
    run = project.spawn("test_it.py")
    assert run.counted() == {"passed": 5}, run.text
    outcomes = run.outcomes()
    assert outcomes.pop("test_way[fork]") == "no-baseline"
    assert set(outcomes.values()) == {"not-measured"}, outcomes
    assert "still run" in run.reason("test_way[daemon]")


def test_nothing_hears_of_programs_without_memguard(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import os, sys, pytest

            def test_it():
                assert "pytest_memguard.guard.started_programs" not in sys.modules
        """
    )
    assert project.spawn(guard=False).counted() == {"passed": 1}


def test_children_of_regions_and_of_fresh_tests_are_told(project: GuardedProject) -> None:
    project.write(
        ways=WAYS,
        test_it="""
            from ways import *

            @pytest.mark.memguard
            def test_left(): start_and_leave()

            def test_region(memguard):
                with memguard.measure("part"):
                    fork()
                with memguard.measure("other"):
                    pass

            @pytest.mark.memguard(fresh=True)
            def test_fresh(): fork()

            @pytest.mark.memguard
            def test_books():
                memory = shared_memory.SharedMemory(create=True, size=100)
                memory.close()
                memory.unlink()
        """,
    )
    run = project.spawn()
    assert run.counted() == {"passed": 4}, run.text
    noted = {name for name, test in run.results().items() if test["measurement"].get("notes")}
    assert noted == {"test_left", "test_region::part", "test_fresh"}


def test_a_process_that_has_ended_retains_nothing(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import multiprocessing, pytest

            def work():
                global KEPT
                KEPT = bytearray(5_000_000)

            @pytest.mark.memguard(children=True, max_retained="1 MiB")
            def test_worker():
                process = multiprocessing.get_context("fork").Process(target=work)
                process.start()
                process.join()
        """
    )
    run = project.spawn()
    assert run.outcomes() == {"test_worker": "no-baseline"}
    assert run.measured("test_worker") > 5_000_000


def test_the_thread_of_the_meter_is_no_reason_to_warn_of_a_fork(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import os, threading, pytest

            def fork():
                child = os.fork()
                if not child: os._exit(0)
                os.waitpid(child, 0)

            @pytest.mark.memguard
            @pytest.mark.filterwarnings("error")
            def test_fork(): fork()

            def test_region(memguard):
                with memguard.measure("fork"): fork()
        """
    )
    run = project.spawn("-W", "error::DeprecationWarning")
    assert run.counted() == {"passed": 2}, run.text
