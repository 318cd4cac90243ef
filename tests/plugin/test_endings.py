"""Runs that do not end well: killed, interrupted, refused, crashed, or with nowhere to write."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from pytest_memguard.cli import main
from pytest_memguard.storage.results import read_results
from tests.guarded_project import GuardedProject

XDIST = ("xdist.plugin",)
TWO = """
    import os, signal, time, pytest

    pytestmark = pytest.mark.memguard

    def test_a(): bytearray(100_000)

    def test_b():
        bytearray(200_000)
        exec(os.environ.get("DO", ""))
"""


@pytest.fixture
def measured(project: GuardedProject) -> GuardedProject:
    """Return a project with a baseline and the results of a run."""
    project.write(test_it=TWO)
    assert project.accept().code == 0
    return project


def last(project: GuardedProject) -> Path:
    return project.root / ".memguard/results/last.json"


def files(project: GuardedProject) -> set[str]:
    return {path.name for path in last(project).parent.iterdir()}


def test_a_killed_run_leaves_no_old_results(measured: GuardedProject) -> None:
    measured.let(DO="os.kill(os.getpid(), signal.SIGKILL)")
    run = measured.spawn("--memguard-json=out.json")
    assert run.code == -signal.SIGKILL
    assert not last(measured).exists()
    assert not (measured.root / "out.json").exists()
    measured.let(DO="")
    assert measured.run().code == 0
    assert files(measured) == {"last.json"}


def test_a_run_that_measures_nothing_keeps_the_old_results(measured: GuardedProject) -> None:
    before = last(measured).read_text()
    measured.write(
        test_refused="import pytest\n@pytest.mark.memguard(tolerence=1)\ndef test_refused(): pass\n"
    )
    for refused in (
        "--memguard-tolerance=much",
        "no_such_file.py",
        "test_refused.py",
        "--collect-only",
        "--fixtures",
        "--setup-plan",
        "--markers",
    ):
        measured.run(refused)
        assert last(measured).read_text() == before, refused
        assert files(measured) == {"last.json"}, refused


def test_an_interrupt_keeps_what_was_measured_and_restores_the_interpreter(measured: GuardedProject) -> None:
    hook, frozen = threading.Thread.__dict__.get("_name"), gc.get_freeze_count()
    measured.let(DO="raise KeyboardInterrupt")
    run = measured.run()
    assert run.code == pytest.ExitCode.INTERRUPTED
    assert run.outcomes() == {"test_a": "ok"}
    assert "1 ok" in run.summary
    assert gc.get_freeze_count() <= frozen
    assert threading.Thread.__dict__.get("_name") is hook
    measured.let(DO="")
    assert measured.run().outcomes() == {"test_a": "ok", "test_b": "ok"}


# A shell that starts its jobs in the background has them ignore the signal.
SIGNAL = "signal.signal(signal.SIGINT, signal.default_int_handler), os.kill(os.getpid(), signal.SIGINT)"


def test_a_signal_in_a_measured_test_ends_the_run_as_pytest_does(measured: GuardedProject) -> None:
    interrupted = TWO.replace('exec(os.environ.get("DO", ""))', SIGNAL)
    measured.write(test_it=interrupted + "        time.sleep(5)\n")
    run = measured.spawn()
    assert run.code == pytest.ExitCode.INTERRUPTED
    assert run.outcomes() == {"test_a": "ok"}
    assert "INTERNALERROR" not in run.text


def test_a_crashed_worker_fails_its_test_and_loses_nothing_else(measured: GuardedProject) -> None:
    measured.write(test_more="def test_unguarded(): import os; os.abort()\n")
    measured.let(DO="os.abort()")
    run = measured.run("-n2", plugins=XDIST)
    assert run.code == pytest.ExitCode.TESTS_FAILED
    assert run.counted() == {"passed": 1, "failed": 2}
    assert run.outcomes() == {"test_a": "ok", "test_b": "not-measured"}
    assert [test["line"] for test in run.file["tests"]] == [6, 8]
    assert run.reason("test_b").startswith("the process that ran it ended: worker 'gw")
    assert "not-measured  test_it.py::test_b: the process that ran it ended" in run.summary


def test_a_marker_that_workers_refuse_is_one_usage_error(measured: GuardedProject) -> None:
    before = last(measured).read_text()
    measured.write(test_bad="import pytest\n@pytest.mark.memguard(tolerence=1)\ndef test_bad(): pass\n")
    run = measured.run("-n2", plugins=XDIST)
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert (run.text + run.errors).count("there is no argument 'tolerence'") == 1
    assert "INTERNALERROR" not in run.text + run.errors
    assert last(measured).read_text() == before


def test_a_baseline_that_workers_cannot_read_is_a_usage_error(measured: GuardedProject) -> None:
    (path,) = (measured.root / ".memguard/baseline").glob("*/*.yml")
    path.write_text("peak: [")
    run = measured.run("-n2", plugins=XDIST)
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "test_it.py.yml" in run.summary
    assert run.counted() == {}


def test_stale_entries_are_found_by_workers(measured: GuardedProject) -> None:
    measured.write(test_it=TWO.replace("def test_a", "def test_renamed"))
    run = measured.run("-n2", plugins=XDIST)
    assert run.outcomes() == {"test_a": "stale", "test_b": "ok", "test_renamed": "new"}
    assert (
        "stale         test_it.py::test_a  its test no longer exists, or is test_renamed now"
        "  if so: memguard accept test_it.py::test_renamed"
    ) in run.summary.splitlines()
    assert measured.run("-n2", "-k", "test", plugins=XDIST).outcomes() == {
        "test_b": "ok",
        "test_renamed": "new",
    }


def in_the_way(project: GuardedProject) -> None:
    """Leave no place for results, as a checkout that cannot be written to has none."""
    last(project).unlink()
    last(project).parent.rmdir()
    last(project).parent.write_text("in the way")


def test_results_that_cannot_be_kept_fail_no_run(measured: GuardedProject) -> None:
    in_the_way(measured)
    measured.let(CI=1)
    run = measured.run()
    assert run.code == 0
    said = " ".join(run.summary.split())
    assert "warning: the results of this run were not kept: " in said
    assert "last.json cannot be written: " in said
    assert "2 ok" in said
    assert "Traceback" not in run.text


def test_results_are_kept_where_the_command_line_says(measured: GuardedProject) -> None:
    in_the_way(measured)
    run = measured.run("--memguard-json=elsewhere.json")
    assert run.code == 0
    assert "cannot be written" not in run.text
    measured.let(DO="bytearray(9_000_000)")
    run = measured.run("--memguard-json=elsewhere.json")
    assert run.counted() == {"failed": 1, "passed": 1}
    assert "memguard: grew: peak 8.6 MiB" in run.text
    written = json.loads((measured.root / "elsewhere.json").read_text())
    assert [test["outcome"] for test in written["tests"]] == ["ok", "grew"]
    assert last(measured).parent.read_text() == "in the way"


@pytest.mark.parametrize(
    ("kill", "workers"), [(signal.SIGTERM, ()), (signal.SIGKILL, ()), (signal.SIGTERM, ("-n1",))], ids=str
)
def test_a_killed_run_keeps_what_it_has_measured(
    measured: GuardedProject,
    capsys: pytest.CaptureFixture[str],
    kill: signal.Signals,
    workers: tuple[str, ...],
) -> None:
    parent = "os.getppid()" if workers else "os.getpid()"
    measured.let(DO=f"os.kill({parent}, {int(kill)}); time.sleep(8)")
    run = measured.spawn("--memguard-json=out.json", *workers, plugins=XDIST)
    assert run.code == -kill
    for path in (last(measured), measured.root / "out.json"):
        kept = read_results([path])
        assert [(test.id, test.outcome.value) for test in kept.tests] == [("test_it.py::test_a", "ok")]
        assert [(problem.kind, problem.fails) for problem in kept.problems] == [("unfinished", True)]
    last_begun = "" if workers else "; the last test that it began is test_it.py::test_b"
    said = f"the run was killed or is still running{last_begun}."
    for command in ("diff", "accept"):
        with pytest.raises(SystemExit):
            main([command])
        assert capsys.readouterr().out.startswith(f"warning: {said} These are its results so far.\n")
    measured.let(DO="")
    run = measured.run("--memguard-json=out.json")
    assert run.code == 0
    assert f"memguard: an earlier run has no end: {said}" in run.lines
    assert files(measured) == {"last.json"}
    assert "has no end" not in measured.run().text


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_results_file_stays_where_it_is(measured: GuardedProject, kind: str) -> None:
    place = measured.root / "out"
    place.mkdir() if kind == "folder" else os.mkfifo(place)
    run = measured.run("--memguard-json=out")
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "out cannot be written: " in run.summary
    assert place.is_dir() if kind == "folder" else place.is_fifo()
    assert run.outcomes() == {"test_a": "ok", "test_b": "ok"}
    assert not (measured.root / "out.before").exists()


def test_a_full_disk_is_said_and_loses_no_baseline(measured: GuardedProject) -> None:
    before = measured.entries()
    measured.write(
        {
            "conftest.py": """
                import resource, signal, pytest

                @pytest.hookimpl(wrapper=True)
                def pytest_runtestloop():
                    yield
                    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                    resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
                    return True
            """
        }
    )
    measured.let(DO="bytearray(9_000_000)")
    run = measured.spawn("--memguard-accept")
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "cannot be written: File too large" in run.summary
    assert measured.entries() == before
    assert "Traceback" not in run.text + run.errors


def test_an_error_of_memguard_at_the_end_is_said_and_loses_no_result(measured: GuardedProject) -> None:
    measured.write(
        {
            "conftest.py": """
                from pytest_memguard.guard.found_results import FoundResults

                def judged(*_given): raise ValueError("broken inside")

                def pytest_collection_finish(): FoundResults.judged = judged
            """
        }
    )
    run = measured.spawn()
    assert run.code == pytest.ExitCode.INTERNAL_ERROR
    assert "ERROR: memguard: memguard itself failed in " in run.summary
    assert "ValueError: broken inside" in run.summary
    assert "memguard summary" in run.summary
    lines = last(measured).with_name("last.json.running").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines if "outcome" in line] == [
        "test_it.py::test_a",
        "test_it.py::test_b",
    ]


def test_the_section_begins_at_once(measured: GuardedProject) -> None:
    for options in ([], ["-q"], ["-v"], ["--tb=no", "-rA"]):
        lines = measured.run(*options).lines
        title = next(n for n, line in enumerate(lines) if line.startswith("===") and " memguard " in line)
        assert lines[title + 1]


def test_a_results_file_holds_the_run_that_wrote_it(measured: GuardedProject) -> None:
    measured.run("test_it.py::test_b")
    data = json.loads(last(measured).read_text())
    assert [test["id"] for test in data["tests"]] == ["test_it.py::test_b"]


def test_the_advised_commands_end_a_merge_conflict(measured: GuardedProject) -> None:
    def git(*arguments: str, code: int = 0) -> None:
        done = subprocess.run(["git", *arguments], cwd=measured.root, capture_output=True, check=False)
        assert done.returncode == code, done.stderr

    def accepted(size: int) -> None:
        measured.let(DO=f"bytearray({size})")
        assert measured.accept().code == 0
        git("commit", "-qam", str(size))

    git("init", "-q", "-b", "main")
    git("config", "user.email", "a@example.com")
    git("config", "user.name", "a")
    git("add", ".")
    git("commit", "-qm", "base")
    git("switch", "-qc", "other")
    accepted(900_000)
    git("switch", "-q", "main")
    accepted(600_000)
    git("merge", "other", code=1)
    refused = measured.run()
    assert refused.code == pytest.ExitCode.USAGE_ERROR
    said = " ".join((refused.text + refused.errors).split())
    assert "is a merge-conflict marker (<<<<<<< HEAD)" in said
    (command,) = set(re.findall(r"restore the file with `(.*?)`", said))
    subprocess.run(command, cwd=measured.root, shell=True, check=True, capture_output=True)
    measured.let(DO="bytearray(1_500_000)")
    assert measured.accept().code == 0
    git("commit", "-qam", "merged")
    assert measured.run().code == 0


ENDING_WELL = """
    import pytest

    SESSIONS = []

    def pytest_sessionstart(session):
        SESSIONS.append(session)

    @pytest.hookimpl({order}=True)
    def pytest_{hook}():
        {end}
"""


def test_a_hook_that_ends_every_run_well_hides_no_growth(measured: GuardedProject) -> None:
    for hook, order, end in (
        ("sessionfinish", "trylast", "SESSIONS[0].exitstatus = 0"),
        ("unconfigure", "trylast", "SESSIONS[0].exitstatus = 0"),
        ("sessionfinish", "tryfirst", "pytest.exit('well', returncode=0)"),
    ):
        measured.write(conftest=ENDING_WELL.format(hook=hook, order=order, end=end))
        measured.let(DO="")
        assert measured.run().code == 0
        measured.let(DO="bytearray(900_000)")
        run = measured.run()
        assert run.outcomes() == {"test_a": "ok", "test_b": "grew"}
        assert run.code == 1
    assert measured.run("--memguard-advisory").code == 0


def test_a_test_that_ends_the_process_is_named_and_fails_the_run(measured: GuardedProject) -> None:
    measured.let(DO="os._exit(0)")
    run = measured.spawn()
    assert run.code == 1
    said = " ".join(run.summary.split())
    assert (
        "FAILED: os._exit in test_it.py::test_b ended the process of pytest; test_it.py::test_b was" in said
    )
    assert run.outcomes() == {"test_a": "ok"}
    assert run.problems() == {"unfinished": True}
    measured.let(DO="os._exit(3)")
    run = measured.spawn()
    assert run.code == 3
    assert "memguard: os._exit(3) in test_it.py::test_b ended the process of pytest" in run.errors
    measured.let(DO="if os.fork() == 0: os._exit(0)\nos.wait()")
    assert measured.run().code == 0
    measured.let(DO="os.closerange(3, 60)")
    run = measured.spawn()
    assert run.code == 1
    assert "A test has closed files that are not its own, as os.closerange does." in run.errors


@pytest.mark.parametrize(
    ("end", "size"), [("os._exit(0)", 200_000), ("os._exit(0)", 900_000), ("sys.exit(0)", 900_000)]
)
def test_a_hook_that_ends_the_process_hides_no_growth(measured: GuardedProject, end: str, size: int) -> None:
    measured.write(
        conftest=f"""
            import os, sys, pytest

            @pytest.hookimpl(tryfirst=True)
            def pytest_sessionfinish():
                {end}
        """
    )
    measured.let(DO=f"bytearray({size})")
    run = measured.spawn()
    assert run.outcomes() == {"test_a": "ok", "test_b": "ok" if size == 200_000 else "grew"}
    assert run.code == (size != 200_000)


def test_a_plugin_that_answers_for_pytest_fails_in_ci(
    measured: GuardedProject, capfd: pytest.CaptureFixture[str]
) -> None:
    measured.write(
        conftest="""
            import pytest

            @pytest.hookimpl(tryfirst=True)
            def pytest_cmdline_main():
                return 0
        """
    )
    for ci, code in ((0, 0), (1, 1)):
        measured.let(CI=ci)
        run = measured.run()
        said = run.errors + capfd.readouterr().err
        assert run.code == code
        assert "memguard: a hook ended pytest with 0 before it ran a test" in said
    assert measured.run("--markers").code == 0


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"])
def test_a_conftest_that_ends_pytest_while_it_is_imported_fails_in_ci(
    measured: GuardedProject, end: str
) -> None:
    measured.write(conftest=f"import os, sys; {end}")
    measured.let(CI=1)
    run = measured.spawn()
    assert run.code == 1
    assert "ended pytest with 0 before it ran a test" in run.errors
