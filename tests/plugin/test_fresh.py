"""Tests in an interpreter of their own: cold, the same every time, and a crash is a failed test."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter

import pytest

from tests.guarded_project import GuardedProject

COLD = """
    import os, pytest
    pytestmark = pytest.mark.memguard(fresh=True)

    def test_imports():
        import decimal, json, sqlite3, xml.dom.minidom
        if os.environ.get("MORE"): import email.mime.text, http.server, unittest.mock, asyncio

    def test_again():
        import decimal, json, sqlite3, xml.dom.minidom
"""


def test_first_call_costs_count_and_are_the_same_every_time(
    project: GuardedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    project.let(PYTHONDONTWRITEBYTECODE="")
    project.write(test_it=COLD)
    project.accept()
    run = project.run()
    peaks = {name: run.measured(name) for name, outcome in run.outcomes().items() if outcome == "ok"}
    assert {*peaks} == {"test_imports", "test_imports::body", "test_again", "test_again::body"}
    assert all(peak > 300_000 for peak in peaks.values())
    assert {result["samples"] for result in run.results().values()} == {1}  # each is a whole interpreter
    assert abs(peaks["test_imports"] - peaks["test_again"]) < 16_384
    project.let(MORE=1)
    grown = project.run("-k", "imports")
    assert grown.outcomes() == {"test_imports": "grew", "test_imports::body": "grew"}
    assert grown.counted()["failed"] == 1
    assert grown.measured("test_imports") - peaks["test_imports"] > 100_000


def test_the_body_of_a_fresh_test_does_not_hide_under_its_imports(project: GuardedProject) -> None:
    project.write(
        heavy="TABLE = bytearray(8_000_000); TABLE = bytearray(1_000)",
        test_it="""
            import os, pytest, heavy

            @pytest.mark.memguard(fresh=True, max_peak="64 MiB")
            def test_body(): held = bytearray(int(os.environ["SIZE"]))
        """,
    )
    project.let(SIZE=1_000_000)
    project.accept()
    assert project.run().outcomes() == {"test_body": "ok", "test_body::body": "ok"}
    project.let(SIZE=2_000_000)
    grown = project.run()
    assert grown.outcomes() == {"test_body": "ok", "test_body::body": "grew"}
    assert grown.counted() == {"failed": 1}
    assert grown.measured("test_body::body") < 2_100_000
    assert grown.measured("test_body") > 8_000_000
    project.write(heavy="TABLE = bytearray(9_000_000); TABLE = bytearray(1_000)")
    project.let(SIZE=1_000_000)
    assert project.run().outcomes() == {"test_body": "grew", "test_body::body": "ok"}


def test_the_body_of_a_test_that_is_fresh_no_more_is_unguarded(project: GuardedProject) -> None:
    project.write(test_it="import pytest\n@pytest.mark.memguard(fresh=True)\ndef test_one(): pass\n")
    project.accept()
    project.write(test_it="import pytest\n@pytest.mark.memguard\ndef test_one(): pass\n")
    assert project.run().outcomes()["test_one::body"] == "unguarded"


def test_the_leak_check_of_a_fresh_test_runs_once(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import os, pytest

            @pytest.mark.memguard(fresh=True, leaks=True, leak_budget="50 ms")
            def test_called():
                with open("calls.txt", "a") as calls: print(os.getpid(), file=calls)
        """
    )
    run = project.run()
    assert run.results()["test_called"]["samples"] >= 2
    calls = Counter((project.root / "calls.txt").read_text().split())
    assert sorted(calls.values())[:-1] == [1] * (len(calls) - 1)
    assert max(calls.values()) > 10


def test_a_crash_is_a_failed_test_with_the_name_of_the_signal(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import os, signal, sys, pytest

            @pytest.mark.memguard(fresh=True)
            @pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL"])
            def test_crash(name): os.kill(os.getpid(), getattr(signal, name))

            @pytest.mark.memguard(fresh=True)
            def test_exit(): os._exit(3)

            @pytest.mark.memguard
            def test_after(): pass
        """
    )
    run = project.run()
    assert run.counted() == {"failed": 3, "passed": 1}
    assert "the test's interpreter was ended by SIGSEGV" in run.text
    assert "the test's interpreter was ended by SIGKILL" in run.text
    assert "the test's interpreter exited with 3" in run.text
    assert run.outcomes() == {
        "test_crash[SIGSEGV]": "not-measured",
        "test_crash[SIGKILL]": "not-measured",
        "test_exit": "not-measured",
        "test_after": "no-baseline",
    }


def test_a_fresh_test_ends_as_it_ended_and_shows_what_it_printed(project: GuardedProject) -> None:
    project.write(
        {
            "conftest.py": """
                import pytest

                def pytest_addoption(parser): parser.addoption("--shop", default="none")

                @pytest.fixture
                def shop(request): return request.config.getoption("--shop")
            """
        },
        test_it="""
            import os, pytest
            pytestmark = pytest.mark.memguard(fresh=True)

            def test_option(shop, tmp_path):
                print("shop is", shop)
                assert shop == "corner"

            def test_fails():
                rows = [1]
                assert rows == [2]

            def test_skips(): pytest.skip("not today")

            @pytest.mark.xfail(strict=True, reason="known")
            def test_xfails(): assert False

            @pytest.mark.xfail(strict=True)
            def test_xpasses(): pass

            @pytest.mark.xfail(raises=KeyError)
            def test_raises_otherwise(): raise ValueError

            @pytest.mark.parametrize("n", ["a b", "x/y", "ü"])
            def test_names(n): pass

            class TestClass:
                def test_method(self): pass
        """,
    )
    run = project.run("--shop=corner", "-rA")
    assert run.counted() == {"passed": 5, "failed": 3, "skipped": 1, "xfailed": 1}
    assert "shop is corner" in run.text
    assert "E       assert [1] == [2]" in run.text
    assert "not today" in run.text
    outcomes = run.outcomes()
    assert [name for name, outcome in outcomes.items() if outcome == "not-measured"] == [
        "test_fails",
        "test_raises_otherwise",
        "test_skips",
        "test_xfails",
        "test_xpasses",
    ]
    said = run.text.replace("reason: ", "")  # pytest 8.0 writes that before it
    assert "XFAIL test_it.py::test_xfails - known" in said


ALIKE = ("tx-host", "px-ratio", "dist-dir", "coverage-of", "rsyncs", "reruns-of", "memguardian")


def test_an_option_of_the_project_counts_whatever_its_name_starts_with(project: GuardedProject) -> None:
    project.write(
        {
            "conftest.py": f"""
                import pytest
                ALIKE = {ALIKE}

                def pytest_addoption(parser):
                    for name in ALIKE: parser.addoption(f"--{{name}}", default="none")

                @pytest.fixture
                def given(request): return {{name: request.config.getoption(f"--{{name}}") for name in ALIKE}}
            """
        },
        test_it="""
            import pytest

            @pytest.mark.memguard(fresh=True)
            def test_fresh(given): assert given == {name: f"my {name}" for name in given}
        """,
    )
    run = project.run(*(f"--{name}=my {name}" for name in ALIKE))
    assert run.counted() == {"passed": 1}, run.text


def test_the_options_of_plugins_that_run_or_trace_tests_stay_outside(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.mark.memguard(fresh=True)
            def test_fresh(request):
                option = request.config.option
                assert not option.numprocesses and option.dist == "no" and not option.tx
                assert not option.cov_source and not option.reruns
                assert not option.memguard and not option.memguard_json
        """
    )
    run = project.spawn(
        "-n1",
        "--dist=load",
        "--cov=.",
        "--cov-report=",
        "--reruns=1",
        "--memguard-json=other.json",
        plugins=("xdist", "pytest_cov", "pytest_rerunfailures"),
    )
    assert run.counted() == {"passed": 1}, run.text


GROWN = """
    import os, pytest
    @pytest.mark.memguard
    def test_grown(): held = bytearray(int(os.environ["SIZE"]))
    @pytest.mark.memguard
    def test_steady(): held = bytearray(100_000)
"""


def test_profiles_are_kept_of_the_tests_that_were_asked_for(project: GuardedProject) -> None:
    project.write(test_it=GROWN)
    project.let(SIZE=100_000)
    project.accept("--memguard-profiles=all")
    project.let(SIZE=900_000)
    for which, number in (("failed", 1), ("all", 2), ("none", 0)):
        run = project.run(f"--memguard-profiles={which}")
        kept = sorted((project.root / ".memguard/profiles").glob("*.bin"))
        assert len(kept) == number
        for path in kept:
            assert (
                f"profile: memray flamegraph .memguard/profiles/{path.name}"
                in (project.root / ".memguard/results/last.json").read_text()
            )
            assert path.stat().st_size < 200_000  # a capture of every record, where the peak was in doubt
        assert ("memray flamegraph" in run.text) == (which != "none")


def test_regions_and_leak_checks_of_a_fresh_test_do_not_pass_unmeasured(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import os, pytest
            KEPT = []

            @pytest.mark.memguard(fresh=os.environ.get("FRESH") == "1")
            def test_both(memguard):
                memguard.check_leaks(lambda: None, leak_budget=0.1)
                with memguard.measure("part"): held = bytearray(100_000)
        """
    )
    project.accept()
    project.let(FRESH=1, CI="true")
    run = project.run()
    assert run.code == 1
    assert run.outcomes() == dict.fromkeys(
        ("test_both", "test_both::leaks", "test_both::part"), "not-measured"
    )
    assert "use isolate=True" in run.reason("test_both::part")
    (project.root / ".memguard/baseline").rename(project.root / "gone")
    assert project.run("--memguard-accept").outcomes() == {"test_both": "not-measured"}


def test_warnings_as_errors_fail_no_fresh_test_where_pytest_finds_its_plugins(
    project: GuardedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    project.write(
        {"pytest.ini": "[pytest]\nfilterwarnings = error::pytest.PytestAssertRewriteWarning\n"},
        test_it="import pytest\n@pytest.mark.memguard(fresh=True)\ndef test_one(): pass\n",
    )
    command = [sys.executable, "-m", "pytest", "--memguard"]
    run = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_where_no_bytecode_is_kept_a_fresh_test_needs_no_more(
    project: GuardedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    # Names would do as well, but may make the interpreter enlarge its table of them, by 1.8 MiB.
    lists = "".join(f"list_{n % 10} = [{n}.5 + x for x in ({n}.25, {n}.75)]\n" for n in range(600))
    project.write(
        program=lists,
        test_it="import pytest\n@pytest.mark.memguard(fresh=True)\ndef test_one(): import program\n",
    )
    project.let(PYTHONDONTWRITEBYTECODE="")
    assert project.accept().code == 0
    shutil.rmtree(project.root / "__pycache__")
    project.let(PYTHONDONTWRITEBYTECODE=1)
    assert project.run().outcomes() == {"test_one": "ok", "test_one::body": "ok"}
    assert not [*project.root.glob("__pycache__/program*")]
