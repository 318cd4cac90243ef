"""What decides a test's policy: options over markers over patterns over the file over the default."""

from __future__ import annotations

import pytest

from pytest_memguard.core.options import VALUES
from tests.guarded_project import GuardedProject, Run
from tests.meter_here import needs_memray

LARGE = """
    import pytest

    @pytest.mark.memguard
    def test_plain(): bytearray(1_000_000)

    @pytest.mark.memguard(max_peak="2 MiB")
    def test_marked(): bytearray(1_000_000)
"""


def limits(run: Run) -> dict[str, int | None]:
    return {name: test["metrics"]["peak"].get("limit") for name, test in run.results().items()}


def test_a_marker_beats_a_pattern_and_a_pattern_beats_the_file(project: GuardedProject) -> None:
    project.write(
        {
            "pyproject.toml": """
                [tool.memguard]
                max_peak = "10 MiB"
                max_retained = "3 MiB"

                [[tool.memguard.policy]]
                tests = "io/*"
                max_peak = "5 MiB"

                [[tool.memguard.policy]]
                tests = "io/test_b.py::test_*"
                max_peak = "6 MiB"
            """
        },
        test_a=LARGE,
    )
    project.write({"io/test_b.py": LARGE, "io/test_c.py": LARGE})
    run = project.run()
    by_id = {test["id"]: test["metrics"]["peak"]["limit"] // 2**20 for test in run.file["tests"]}
    assert by_id == {
        "test_a.py::test_plain": 10,
        "test_a.py::test_marked": 2,
        "io/test_b.py::test_plain": 6,
        "io/test_b.py::test_marked": 2,
        "io/test_c.py::test_plain": 5,
        "io/test_c.py::test_marked": 2,
    }
    assert {test["metrics"]["retained"]["limit"] for test in run.file["tests"]} == {3 * 2**20}


def test_the_tolerance_option_beats_a_marker(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import os, pytest

            @pytest.mark.memguard(tolerance="1%")
            def test_a(): bytearray(int(os.environ["SIZE"]))
        """
    )
    project.let(SIZE=1_000_000)
    project.accept()
    project.let(SIZE=1_100_000)
    assert project.run().outcomes() == {"test_a": "grew"}
    assert project.run("--memguard-tolerance=20%").outcomes() == {"test_a": "ok"}


@needs_memray
def test_the_meter_option_beats_a_marker_and_a_marker_beats_the_file(project: GuardedProject) -> None:
    project.write(
        {"pyproject.toml": "[tool.memguard]\nmeter = 'tracemalloc'\n"},
        test_it="""
            import pytest

            @pytest.mark.memguard
            def test_plain(): pass

            @pytest.mark.memguard(meter="memray")
            def test_marked(): pass
        """,
    )
    meters = {name: test["meter"] for name, test in project.run().results().items()}
    assert meters == {"test_plain": "tracemalloc", "test_marked": "memray"}
    project.write(
        {"pyproject.toml": ""},
        test_it="""
        import pytest

        @pytest.mark.memguard(meter="memray")
        def test_marked(): pass
    """,
    )
    run = project.run("--memguard-meter=tracemalloc")
    assert run.results()["test_marked"]["meter"] == "tracemalloc"


def test_the_baseline_option_beats_the_file(project: GuardedProject) -> None:
    project.write({"pyproject.toml": "[tool.memguard]\nbaseline = 'accepted'\n"}, test_it=LARGE)
    project.accept()
    assert len(list((project.root / "accepted").glob("*/test_it.py.yml"))) == 1
    project.accept("--memguard-baseline=elsewhere")
    assert len(list((project.root / "elsewhere").glob("*/test_it.py.yml"))) == 1
    assert not (project.root / ".memguard/baseline").exists()


def test_settings_are_read_from_yaml_where_there_is_no_pyproject(project: GuardedProject) -> None:
    project.write({"memguard.yml": "max_peak: 1 KiB\n", "pytest.ini": "[pytest]\n"}, test_it=LARGE)
    assert limits(project.run()) == {"test_plain": 1024, "test_marked": 2 * 2**20}


def test_results_are_also_written_where_the_option_says(project: GuardedProject) -> None:
    project.write(test_it=LARGE)
    run = project.run("--memguard-json=out/results.json")
    assert (project.root / "out/results.json").read_text() == (
        project.root / ".memguard/results/last.json"
    ).read_text()
    assert run.file["format"] == "memguard-results/1"


@pytest.mark.parametrize(
    ("settings", "sentences"),
    [
        ("tolerence = '5%'", ["[tool.memguard] has no key 'tolerence', did you mean 'tolerance'?"]),
        ("max_peak = '64 apples'", ["[tool.memguard] max_peak: '64 apples' is not a size"]),
        ("fail_on = ['grown']", ["there is no outcome 'grown'", "did you mean 'grew'?"]),
        ("advisory = 'yes'", ["'yes' is not a switch; accepted are true and false"]),
        ("[[tool.memguard.policy]]\nmax_peak = 1", ["policy]] 1: 'tests' is missing"]),
        (
            "[[tool.memguard.policy]]\ntests = 'a'\nmax_peek = 1",
            ["policy]] 1: there is no argument 'max_peek', did you mean 'max_peak'?"],
        ),
        ("[[tool.memguard.policy]]\ntests = 'a'\nthreads = 'x'", ["threads: 'x' is not a count"]),
        ("= 3", ["pyproject.toml"]),
    ],
)
def test_a_setting_that_cannot_be_used_is_a_usage_error(
    project: GuardedProject, settings: str, sentences: list[str]
) -> None:
    project.write({"pytest.ini": "[pytest]\n"}, test_it=LARGE)
    (project.root / "pyproject.toml").write_text(f"[tool.memguard]\n{settings}\n")
    run = project.run()
    assert run.code == pytest.ExitCode.USAGE_ERROR
    said = " ".join((run.errors + run.text).split())
    for sentence in ["pyproject.toml", *sentences]:
        assert sentence in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--memguard-tolerance=a lot", "'a lot' is not a tolerance"),
        ("--memguard-meter=psutil", "'psutil' is not a meter"),
        ("--memguard-fail-on=grown", "there is no outcome 'grown', did you mean 'grew'?"),
        ("--memguard-profiles=some", "'some' is not a choice of profiles"),
    ],
)
def test_an_option_that_cannot_be_read_is_a_usage_error(
    project: GuardedProject, option: str, sentence: str
) -> None:
    project.write(test_it=LARGE)
    run = project.run(option)
    assert run.code == pytest.ExitCode.USAGE_ERROR
    said = " ".join((run.errors + run.text).split())
    assert sentence in said
    assert option.partition("=")[0] in said


@pytest.mark.parametrize("option", sorted(set(VALUES) - {"--memguard-fail-on"}))
def test_an_empty_value_is_a_usage_error(project: GuardedProject, option: str) -> None:
    project.write(test_it=LARGE)
    run = project.run(f"{option}=")
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert f"{option} is empty" in " ".join((run.errors + run.text).split())


@pytest.mark.parametrize("option", ["--memguard-all", "--memguard-leaks", "--memguard-accept"])
def test_options_that_need_a_guarded_run_turn_it_on(project: GuardedProject, option: str) -> None:
    project.write(test_it=LARGE)
    run = project.run(option, guard=False)
    assert run.code == 0
    assert set(run.outcomes()) == {"test_plain", "test_marked"}


def test_everything_is_guarded_under_all(project: GuardedProject) -> None:
    project.write(test_it="def test_unmarked(): pass")
    assert project.run("--memguard-all").outcomes() == {"test_unmarked": "no-baseline"}


def test_help_lists_every_option(project: GuardedProject) -> None:
    text = project.run("--help", guard=False).text
    for name in ("all", "leaks", "accept", "advisory", "baseline", "json", "meter", "tolerance", "fail-on"):
        assert f"--memguard-{name}" in text
