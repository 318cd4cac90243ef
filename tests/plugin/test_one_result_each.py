"""One result for each planned test, whatever other plugins do to its report."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject

XDIST = ("xdist.plugin",)
FLAKY = ("flaky.flaky_pytest_plugin",)
FLAKY_TESTS = """
    import os, pytest
    from flaky import flaky
    GROWN = bool(os.environ.get("GROWN"))
    KEPT = []

    @flaky
    @pytest.mark.memguard
    def test_decorated(): bytes(2_000_000 if GROWN else 1_000_000)

    @pytest.mark.flaky
    @pytest.mark.memguard(max_peak="1500 KiB")
    def test_limit(): bytes(2_000_000 if GROWN else 1_000_000)

    @flaky(max_runs=2)
    @pytest.mark.memguard(leaks=True, leak_budget=0.1)
    def test_leaks():
        if GROWN: KEPT.append(bytes(3000))

    @pytest.mark.memguard
    def test_plain(): bytes(1_000_000)
"""
TWO = """
    import pytest

    pytestmark = pytest.mark.memguard

    def test_a(): bytes(100_000)

    def test_b(): bytes(200_000)
"""


def test_flaky_hides_no_verdict(project: GuardedProject) -> None:
    project.write(test_it=FLAKY_TESTS)
    assert project.accept(plugins=FLAKY).code == 0
    project.let(CI=1, GROWN=1)
    for workers in ((), ("-n1",)):
        run = project.run(*workers, plugins=(*FLAKY, *XDIST))
        assert run.code == 1
        assert run.counted() == {"failed": 3, "passed": 1}
        assert run.outcomes() == {
            "test_decorated": "grew",
            "test_limit": "over-limit",
            "test_leaks": "leaked",
            "test_plain": "ok",
        }
        assert "memguard: grew: peak 1.9 MiB, was 976.6 KiB" in run.text
        assert run.problems() == {}


def test_a_verdict_is_the_exception_of_the_call(project: GuardedProject) -> None:
    project.write(
        {
            "conftest.py": """
                import pytest

                @pytest.hookimpl(wrapper=True)
                def pytest_runtest_makereport(item, call):
                    report = yield
                    if call.when == "call" and call.excinfo:
                        print("\\nSEEN", call.excinfo.typename, call.excinfo.value)
                    return report

                def pytest_exception_interact(call):
                    print("\\nINTERACT", call.excinfo.typename)
            """
        },
        test_it="""
            import pytest

            @pytest.mark.memguard(max_peak=1000)
            def test_a(): bytes(100_000)
        """,
    )
    run = project.run("-s")
    assert run.counted() == {"failed": 1}
    assert "SEEN FailingVerdictError memguard: over-limit: peak 97.7 KiB" in run.text
    assert "INTERACT FailingVerdictError" in run.text


REPLAYING = """
    import pytest
    from _pytest.runner import runtestprotocol

    def pytest_runtest_protocol(item, nextitem):
        if item.name != "test_b":
            return None
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            bare = pytest.TestReport(report.nodeid, report.location, {}, report.outcome, None, report.when)
            item.ihook.pytest_runtest_logreport(report=bare)
        return True
"""


def test_a_plugin_that_makes_its_own_report_loses_a_result_and_fails_in_ci(project: GuardedProject) -> None:
    project.write(test_it=TWO)
    project.accept()
    project.write({"conftest.py": REPLAYING})
    run = project.run()
    assert run.code == 0
    assert run.problems() == {"lost-results": False}
    assert run.outcomes() == {"test_a": "ok", "test_b": "not-measured"}
    assert run.reason("test_b") == "its result is lost: the test was planned, and pytest reported no result"
    project.let(CI=1)
    for workers in ((), ("-n1",)):
        again = project.run(*workers, plugins=XDIST)
        assert again.code == 1
        assert again.outcomes() == run.outcomes()
        assert "FAILED: test_it.py::test_b was planned and left no result." in again.summary


AT_ANOTHER_TIME = """
    import pytest

    def pytest_collection_finish(session):
        for item in session.items:
            if item.name == "test_told":
                item.obj()
                item.runtest = lambda: None
            elif item.name == "test_wrapped":
                item.runtest = lambda run=item.runtest: run()
"""


@pytest.mark.parametrize("leaks", [False, True])
def test_a_test_whose_call_only_tells_how_it_ended_is_not_measured(
    project: GuardedProject, *, leaks: bool
) -> None:
    """As beside a plugin that runs tests side by side on one event loop, and lets pytest report them then."""
    body = f"""
        import os, pytest
        KEPT = []
        pytestmark = pytest.mark.memguard(leaks={leaks}, leak_budget=0.1)

        def work():
            if "LEAK" in os.environ: KEPT.append(bytes(4_000))
            held = bytearray(int(os.environ.get("SIZE", "1_000_000")))

        def test_told(): work()
        def test_wrapped(): work()
    """
    project.write({"conftest.py": AT_ANOTHER_TIME}, test_it=body)
    accepted = project.accept()
    assert accepted.outcomes() == {"test_told": "not-measured", "test_wrapped": "no-baseline"}
    assert "its call only tells how it ended" in accepted.reason("test_told")
    project.let(**({"LEAK": 1} if leaks else {"SIZE": 3_000_000}))
    wrong = "leaked" if leaks else "grew"
    assert project.run().outcomes() == {"test_told": "not-measured", "test_wrapped": wrong}


def test_a_test_that_a_plugin_never_runs_is_lost(project: GuardedProject) -> None:
    project.write(test_it=TWO)
    project.accept()
    project.let(CI=1)
    skipping = """
        def pytest_runtest_protocol(item):
            return True if item.name == "test_b" else None
    """
    project.write({"conftest.py": skipping})
    run = project.run()
    assert (run.code, run.problems()) == (1, {"lost-results": True})
    assert run.outcomes() == {"test_a": "ok", "test_b": "not-measured"}


def test_of_a_test_that_ends_twice_the_worst_counts(project: GuardedProject) -> None:
    project.let(SIZE=0)
    project.write(
        {
            "conftest.py": """
                import os
                from _pytest.runner import runtestprotocol

                def pytest_runtest_protocol(item, nextitem):
                    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
                    for size in ("100000", "0"):
                        os.environ["SIZE"] = size
                        runtestprotocol(item, nextitem=nextitem)
                    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
                    return True
            """
        },
        test_it="""
            import os, pytest

            @pytest.mark.memguard(max_peak=1000)
            def test_a(): bytes(int(os.environ["SIZE"]))
        """,
    )
    run = project.run()
    assert run.outcomes() == {"test_a": "over-limit"}
    assert run.problems() == {"no-baseline": False, "lost-results": False}
    assert "test_it.py::test_a was run to its end more than once" in " ".join(run.summary.split())


def test_what_a_stopped_run_never_ran_is_not_lost(project: GuardedProject) -> None:
    project.write(test_it=TWO)
    project.accept()
    project.let(CI=1)
    for stop, arguments in (
        ("assert False", ("-x",)),
        ("assert False", ("-x", "-n1")),
        ("pytest.exit('enough', returncode=0)", ()),
        ("raise KeyboardInterrupt", ()),
        ("raise KeyboardInterrupt", ("-n1",)),
    ):
        project.write(test_it=TWO.replace("def test_a(): bytes(100_000)", f"def test_a(): {stop}"))
        run = project.run(*arguments, plugins=XDIST)
        assert run.problems().get("lost-results") is None
        assert "test_b" not in run.outcomes()
        assert run.problems()["unfinished"]
        assert run.code != 0
        assert "the run was stopped: test_it.py::test_" in " ".join(run.summary.split())


def test_every_copy_of_a_test_may_run_under_dist_each(project: GuardedProject) -> None:
    project.write(test_it=TWO)
    project.accept()
    project.let(CI=1)
    run = project.run("--dist=each", "--tx=2*popen", plugins=XDIST)
    assert run.code == 0
    assert run.counted() == {"passed": 4}
    assert run.outcomes() == {"test_a": "ok", "test_b": "ok"}


XFAIL = """
    import sys, pytest
    KEPT = []
    pytestmark = pytest.mark.memguard(max_retained="100 KiB")

    @pytest.mark.xfail(sys.platform == "nowhere", reason="only there")
    def test_inactive(): KEPT.append(bytes(1_000_000))

    @pytest.mark.xfail(sys.platform != "nowhere", reason="everywhere else")
    def test_active(): KEPT.append(bytes(1_000_000))

    @pytest.mark.xfail(strict=False, raises=ZeroDivisionError)
    def test_other_error(): KEPT.append(bytes(1_000_000))

    def test_decided_late(request):
        KEPT.append(bytes(1_000_000))
        request.node.add_marker(pytest.mark.xfail(strict=False))
"""


def test_an_xfail_whose_condition_does_not_hold_switches_nothing_off(project: GuardedProject) -> None:
    project.write(test_it=XFAIL)
    run = project.run()
    assert run.outcomes() == {
        "test_inactive": "over-limit",
        "test_active": "not-measured",
        "test_other_error": "not-measured",
        "test_decided_late": "not-measured",
    }
    assert run.counted() == {"failed": 1, "xpassed": 3}
    assert run.reason("test_active").startswith("it passed although xfail expects it to fail")
    assert set(project.run("--runxfail").outcomes().values()) == {"over-limit"}


def test_a_test_with_a_failing_subtest_is_never_judged(project: GuardedProject) -> None:
    if not hasattr(pytest, "Subtests"):
        pytest.skip("pytest has subtests of its own from 9.0 on")
    project.write(
        test_it="""
            import unittest, pytest
            KEPT = []

            @pytest.mark.memguard(max_retained=1000)
            def test_fails(subtests):
                KEPT.append(bytes(100_000))
                for n in range(3):
                    with subtests.test(n=n): assert n != 1

            @pytest.mark.memguard(max_retained=1000)
            def test_passes(subtests):
                KEPT.append(bytes(100_000))
                with subtests.test(n=1): pass

            @pytest.mark.memguard(max_retained=1000)
            class TestCase(unittest.TestCase):
                def test_case(self):
                    KEPT.append(bytes(100_000))
                    with self.subTest(n=1): self.fail("so")
        """
    )
    run = project.run()
    assert run.outcomes() == {
        "test_fails": "not-measured",
        "test_passes": "over-limit",
        "TestCase::test_case": "not-measured",
    }
    assert run.reason("test_fails") == "the test failed in its call"
    assert run.problems() == {"no-baseline": False}


def test_what_runs_in_parallel_with_itself_is_not_measured(project: GuardedProject) -> None:
    project.write(
        {"pytest.ini": "[pytest]\n"},
        test_it="""
            import pytest
            RUNS = []

            @pytest.mark.memguard
            def test_parallel(): RUNS.append(bytes(100_000))

            @pytest.mark.memguard
            @pytest.mark.thread_unsafe
            def test_alone(): assert len(RUNS) == 4
        """,
    )
    run = project.run("--parallel-threads=4", plugins=("pytest_run_parallel.plugin",))
    assert run.counted() == {"passed": 2}
    assert run.outcomes() == {"test_parallel": "not-measured", "test_alone": "no-baseline"}
    assert run.reason("test_parallel").startswith("pytest-run-parallel runs it several times at once")
