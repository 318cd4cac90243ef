"""The runs that confirm a verdict show nowhere: outcome, output, JUnit, durations, other plugins."""

from __future__ import annotations

import re

import pytest

from tests.guarded_project import GuardedProject

NOISY = """
    import logging, sys, time, warnings, pytest

    @pytest.fixture
    def noisy(record_property):
        print("set-up")
        yield
        print("tear-down")

    def test_noisy(noisy, record_property, capsys_used=None):
        print("to stdout")
        print("to stderr", file=sys.stderr)
        logging.getLogger("shop").warning("logged")
        warnings.warn("warned")
        record_property("seen", "once")
        time.sleep(0.2)
        held = bytearray(100_000)

    def test_caplog(caplog):
        logging.getLogger("shop").warning("logged")
        assert caplog.messages == ["logged"]

    def test_capsys(capsys):
        print("mine")
        assert capsys.readouterr().out == "mine\\n"

    @pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="pytest has them from 9.0 on")
    def test_subtests(subtests):
        for n in range(2):
            with subtests.test(n=n):
                pass

    def test_paths(tmp_path, monkeypatch):
        monkeypatch.setenv("HERE", str(tmp_path))
        (tmp_path / "x").write_text("x")
        assert [path.name for path in tmp_path.iterdir()] == ["x"]
"""
WARNING = "[pytest]\nfilterwarnings = always\n"
COUNTING = """
    SEEN = []

    def pytest_runtest_logstart(nodeid): SEEN.append(("start", nodeid))
    def pytest_runtest_logreport(report): SEEN.append((report.when, report.nodeid, report.outcome))
    def pytest_runtest_logfinish(nodeid): SEEN.append(("finish", nodeid))
    def pytest_runtest_makereport(item, call): SEEN.append(("make", call.when, item.nodeid))
    def pytest_warning_recorded(warning_message, nodeid): SEEN.append(("warning", nodeid))
    def pytest_exception_interact(node): SEEN.append(("interact", node.nodeid))
    def pytest_terminal_summary(terminalreporter):
        terminalreporter.section("seen")
        for seen in SEEN: terminalreporter.write_line(f"SEEN {seen}")
"""


def without_times(text: str) -> list[str]:
    """Return a report without memguard's section, and without what differs between any two runs."""
    text = re.sub(r"=+ memguard =+\\n(?:(?!=====).*\\n)*", "", text.replace("\r", ""))
    text = re.sub(r"0x[0-9a-f]+|\d+\.\d+s|in \d+\.\d+s", "", text)
    lines = [re.sub(r"=+", "=", line) for line in text.splitlines()]
    return [line for line in lines if not line.startswith(("memguard: ", "rootdir"))]


def section_dropped(lines: list[str]) -> list[str]:
    start = lines.index("= memguard =")
    end = next(n for n in range(start + 1, len(lines)) if lines[n].startswith("= "))
    return [*lines[:start], *lines[end:]]


@pytest.mark.parametrize(
    "options", [["-rA"], ["-rA", "-s"], ["-rA", "--capture=sys"], ["-p", "no:logging", "-k", "noisy"]]
)
def test_reports_are_those_of_a_run_without_memguard(project: GuardedProject, options: list[str]) -> None:
    project.write({"conftest.py": COUNTING, "pytest.ini": WARNING}, test_it=NOISY)
    run = project.spawn if "-s" in options else project.run
    plain = run(*options, guard=False)
    guarded = run("--memguard-all", *options)
    assert all(test["samples"] >= 2 for test in guarded.file["tests"] if "samples" in test)
    assert guarded.counted() == plain.counted()
    assert section_dropped(without_times(guarded.text)) == without_times(plain.text)


def test_junit_and_durations_are_those_of_one_run(project: GuardedProject) -> None:
    project.write({"pytest.ini": WARNING + "junit_family = xunit1\n"}, test_it=NOISY)
    plain = project.run("--junitxml=plain.xml", guard=False)
    guarded = project.run("--memguard-all", "--junitxml=junit.xml", "--durations=9")
    assert guarded.counted() == plain.counted()
    cases = {}
    for path in ("plain.xml", "junit.xml"):
        suite = project.junit(path)
        cases[path] = {
            case.get("name"): (
                [
                    (each.get("name"), each.get("value"))
                    for each in case.iter("property")
                    if each.get("name") != "memguard"
                ],
                [(each.tag, each.text) for each in case if each.tag != "properties"],
            )
            for case in suite.iter("testcase")
        }
        (noisy,) = [case for case in suite.iter("testcase") if case.get("name") == "test_noisy"]
        assert 0.2 <= float(noisy.get("time", 0)) < 0.4
    assert cases["junit.xml"] == cases["plain.xml"]
    call, guard = (
        next(line for line in guarded.lines if line.endswith(f"{when:<8} test_it.py::test_noisy"))
        for when in ("call", "guard")
    )
    assert 0.2 <= float(call.partition("s ")[0]) < 0.4
    assert float(guard.partition("s ")[0]) >= 0.4  # of all runs together


def test_a_failing_second_run_leaves_no_trace_but_its_note(project: GuardedProject) -> None:
    project.write(
        {"conftest.py": COUNTING},
        test_it="""
            USED = []

            def test_once():
                print("said once")
                if USED:
                    print("never shown")
                    raise ValueError("second")
                USED.append(1)
        """,
    )
    run = project.run("--memguard-all", "-rA", "-v")
    assert run.counted() == {"passed": 1}
    assert "never shown" not in run.text
    assert run.text.count("said once") == 1
    assert "interact" not in run.text
    assert "confirmed by only 1 sample" in (project.root / ".memguard/results/last.json").read_text()


def test_a_guarded_test_that_fails_shows_its_own_failure(project: GuardedProject) -> None:
    text = """
        def test_fails():
            print("captured")
            rows = [1, 2]
            assert rows == [1, 3]
    """
    project.write(test_it=text)
    plain = without_times(project.run(guard=False).text)
    guarded = without_times(project.run("--memguard-all").text)
    assert section_dropped(guarded) == plain


def test_debuggers_and_exits_end_the_run_as_ever(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            def test_a(): pass
            def test_exits(): pytest.exit("enough", returncode=7)
            def test_never(): raise AssertionError
        """
    )
    run = project.run("--memguard-all")
    assert run.code == 7
    assert run.outcomes() == {"test_a": "no-baseline"}
    assert project.run("--memguard-all").code == 7
