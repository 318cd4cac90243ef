"""Tests in a fork of the process: the same figures as in it, and a crash is a failed test."""

from __future__ import annotations

import os

import pytest

from tests.guarded_project import GuardedProject

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

CRASHES = """
    import os, signal, sys, pytest

    @pytest.mark.memguard
    def test_before(): pass

    @pytest.mark.memguard(isolate=True)
    @pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL"])
    def test_crash(name): os.kill(os.getpid(), getattr(signal, name))

    @pytest.mark.memguard(isolate=True)
    def test_exit(): os._exit(3)

    @pytest.mark.memguard
    def test_last(): pass
"""


@pytest.mark.parametrize("options", [(), ("-n1",)], ids=["alone", "xdist"])
def test_a_crash_is_a_failed_test_with_the_name_of_the_signal(
    project: GuardedProject, options: tuple[str, ...]
) -> None:
    project.write(test_it=CRASHES)
    run = project.spawn(*options, plugins=("xdist",))
    assert run.counted() == {"failed": 4, "passed": 2}, run.text
    assert "the test's process was ended by SIGSEGV\nFatal Python error: Segmentation fault" in run.text
    assert "in test_crash" in run.text
    assert "the test's process was ended by SIGABRT\nFatal Python error: Aborted" in run.text
    assert "the test's process was ended by SIGKILL" in run.text
    assert "the test's process exited with 3" in run.text
    assert run.outcomes() == {
        "test_before": "no-baseline",
        "test_crash[SIGABRT]": "not-measured",
        "test_crash[SIGKILL]": "not-measured",
        "test_crash[SIGSEGV]": "not-measured",
        "test_exit": "not-measured",
        "test_last": "no-baseline",
    }
    assert "worker" not in run.errors


FIGURES = """
    import os, pytest
    KEPT = []
    pytestmark = pytest.mark.memguard(tolerance={"allocations": "1%"})

    @pytest.fixture(scope="module")
    def shared(): return list(range(1000))

    @pytest.fixture
    def rows(shared): return [str(n) for n in shared]

    def test_peak(rows): "".join(rows * 100)

    def test_retained(rows): KEPT.append(bytearray(200_000))

    def test_import():
        import xml.dom.minidom

    @pytest.mark.memguard(leaks=True, leak_budget="50 ms")
    def test_leak(): KEPT.append(bytearray(5_000))
"""


def test_the_figures_are_those_of_the_process_itself(project: GuardedProject) -> None:
    project.write(test_it=FIGURES)
    project.accept()
    accepted = project.run()
    assert set(accepted.outcomes().values()) == {"ok"}, accepted.text
    project.write({"pyproject.toml": "[tool.memguard]\nisolate = true\n"})
    run = project.run()
    assert run.outcomes() == accepted.outcomes(), run.text
    for name, result in run.results().items():
        assert result["metrics"] == accepted.results()[name]["metrics"]
    assert run.results()["test_leak"]["leak"]["held_by"] == accepted.results()["test_leak"]["leak"]["held_by"]
    project.let(MORE=1)
    project.write(test_it=FIGURES.replace("rows * 100", "rows * 300"))
    grown = project.run()
    assert grown.outcomes()["test_peak"] == "grew"
    assert grown.counted() == {"failed": 1, "passed": 3}


def test_an_isolated_test_needs_no_plugin_for_its_report(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.mark.memguard(isolate=True)
            def test_it(subtests):
                with subtests.test(): bytearray(100_000)
        """
    )
    run = project.run("-p", "no:reports")
    assert run.counted()["passed"] >= 1, run.text
    assert run.outcomes() == {"test_it": "no-baseline"}


def test_an_isolated_test_ends_as_it_ended_and_shows_what_it_printed(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import logging, os, unittest, pytest
            pytestmark = pytest.mark.memguard(isolate=True)
            PROCESS = os.getpid()

            @pytest.fixture(scope="session")
            def file(tmp_path_factory):
                path = tmp_path_factory.mktemp("wide") / "file"
                path.write_text("")
                yield path
                path.unlink()
                with open("ended.txt", "a") as ended: print(os.getpid() == PROCESS, file=ended)

            @pytest.fixture
            def broken(): raise OSError("no server")

            @pytest.fixture
            def absent(): pytest.skip("not installed")

            @pytest.fixture
            def ends_badly():
                yield
                raise OSError("cannot close")

            def test_elsewhere(file):
                assert os.getpid() != PROCESS
                print("told you")
                logging.getLogger("shop").warning("careful")

            def test_elsewhere_again(file): assert file.exists()

            def test_fails(tmp_path):
                rows = [1]
                assert rows == [2]

            def test_broken(broken): pass
            def test_absent(absent): pass
            def test_ends_badly(ends_badly): pass
            def test_skips(): pytest.skip("not today")

            @pytest.mark.xfail(strict=True, reason="known")
            def test_xfails(): assert False

            @pytest.mark.xfail(strict=True)
            def test_xpasses(): pass

            @pytest.mark.xfail(raises=KeyError)
            def test_raises_otherwise(): raise ValueError

            def test_property(record_property): record_property("shop", "corner")

            class TestCase(unittest.TestCase):
                def test_method(self):
                    with self.subTest(n=1): assert os.getpid() != PROCESS
        """
    )
    run = project.run("-rA", "--junitxml=junit.xml", "-o", "junit_family=legacy")
    assert run.counted() | {"subtests passed": 0} == {
        "passed": 5,
        "failed": 3,
        "skipped": 2,
        "xfailed": 1,
        "errors": 2,
        "subtests passed": 0,
    }, run.text
    for said in (
        "told you",
        "careful",
        "E       assert [1] == [2]",
        "not today",
        "no server",
        "cannot close",
    ):
        assert said in run.text
    assert "ERROR test_it.py::test_broken" in run.text
    assert (project.root / "ended.txt").read_text().split() == ["False", "False"]
    assert '<property name="shop" value="corner" />' in (project.root / "junit.xml").read_text()
    assert run.outcomes()["test_elsewhere"] == "no-baseline"
    assert run.problems() == {"no-baseline": False} or "lost" not in run.text


WIDE = """
    import os, pytest

    def tell(what, param):
        with open("told.txt", "a") as told: print(what, param, file=told)

    @pytest.fixture(scope="session", params=["a", "b"])
    def base(request):
        tell("made", request.param)
        yield request.param
        tell("ended", request.param)

    @pytest.fixture(scope="module")
    def above(base):
        tell("made", "above " + base)
        yield base
        tell("ended", "above " + base)

    def test_here(above): pass

    @pytest.mark.memguard(isolate=True)
    def test_elsewhere(above): tell("used", above)

    def test_here_again(above): pass

    @pytest.mark.memguard(isolate=True)
    @pytest.mark.parametrize("base", ["c"], indirect=True)
    def test_elsewhere_with_its_own(above): tell("used", above)
"""


@pytest.mark.parametrize("options", [(), ("-n1",)], ids=["alone", "xdist"])
def test_wide_fixtures_with_parameters_are_torn_down_once_each(
    project: GuardedProject, options: tuple[str, ...]
) -> None:
    project.write(test_it=WIDE)
    run = project.spawn(*options, plugins=("xdist",))
    assert run.counted() == {"passed": 7}, run.text
    alive: list[str] = []
    for line in (project.root / "told.txt").read_text().splitlines():
        what, _, name = line.partition(" ")
        if what == "made":
            assert name not in alive
            alive.append(name)
        elif what == "ended":
            alive.remove(name)  # an error where it was torn down before
        else:
            assert f"above {name}" in alive
    assert not alive


def test_the_limit_of_a_time_is_for_the_test_and_not_for_what_memguard_repeats(
    project: GuardedProject,
) -> None:
    project.write(
        test_it="""
            import time, pytest
            pytestmark = pytest.mark.memguard(isolate=True)

            @pytest.mark.timeout(0.5)
            def test_hangs(): time.sleep(60)

            @pytest.mark.timeout(2)
            @pytest.mark.memguard(leaks=True, leak_budget="100 ms")
            def test_slow(): time.sleep(0.25)
        """
    )
    run = project.run(plugins=("pytest_timeout",))
    assert run.counted() == {"failed": 1, "passed": 1}, run.text
    assert "Timeout" in run.text
    assert run.results()["test_slow"]["leak"]["calls"] >= 8


@pytest.mark.parametrize("options", [(), ("-n1",)], ids=["alone", "xdist"])
def test_a_crash_without_isolation_loses_no_result_that_came_before(
    project: GuardedProject, options: tuple[str, ...]
) -> None:
    project.write(test_it=CRASHES.replace("(isolate=True)", "").replace('"SIGSEGV", "SIGABRT", ', ""))
    run = project.spawn(*options, plugins=("xdist",))
    assert run.code != 0
    if options:
        assert run.outcomes()["test_crash[SIGKILL]"] == "not-measured"
        assert run.outcomes()["test_last"] == "no-baseline"
        assert "the process that ran it ended" in run.reason("test_crash[SIGKILL]")
    else:
        kept = (project.root / ".memguard/results/last.json.running").read_text().splitlines()
        assert any('"test_it.py::test_before"' in line and "no-baseline" in line for line in kept)
