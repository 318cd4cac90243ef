"""Fixtures that patch the standard library, freeze time or fake files: every figure stays what it was."""

from __future__ import annotations

from tests.guarded_project import GuardedProject

NAMES = """
    builtins.open builtins.print gc.collect gc.freeze gc.get_objects io.open json.dumps json.loads
    os.close os.dup os.getpid os.listdir os.open os.path.exists os.read os.replace os.stat os.unlink
    pathlib.Path.exists pathlib.Path.mkdir pathlib.Path.open pathlib.Path.read_bytes
    pathlib.Path.write_text resource.getrusage shutil.copyfile shutil.rmtree signal.signal
    subprocess.Popen subprocess.run sys.getallocatedblocks tempfile.TemporaryDirectory tempfile.mkdtemp
    threading.Thread threading.enumerate time.monotonic time.perf_counter time.process_time time.sleep
    time.thread_time time.time
""".split()  # noqa: SIM905 - quotes would hide the names
PATCHED = tuple(zip(NAMES[::2], NAMES[1::2], strict=True))
"""Two at a time, since each run of a test takes its time."""
PROJECT = f"""
    import os, pytest
    from contextlib import ExitStack
    from unittest import mock
    GROWN = bool(os.environ.get("GROWN"))
    HELD = []

    @pytest.fixture(params={PATCHED}, ids="+".join)
    def patched(request):
        with ExitStack() as patches:
            for name in request.param:
                patches.enter_context(mock.patch(name))
            yield

    def work():
        held = bytearray(100_000 + 100_000 * GROWN)

    @pytest.fixture
    def nothing(): pass

    @pytest.mark.memguard
    def test_plain(patched): work()

    @pytest.mark.memguard(leaks=True, leak_budget="10 ms")
    def test_repeated(patched):
        work()
        if GROWN: HELD.append(bytearray(1000))

    @pytest.mark.memguard
    def test_unpatched(nothing): work()
"""

OF_A_MODULE = """
    import pytest
    from unittest import mock

    @pytest.fixture(scope="module", autouse=True)
    def forbidden():
        error = AssertionError("memguard calls what is patched")
        with mock.patch("pathlib.Path.open", side_effect=error), mock.patch("json.dumps", side_effect=error):
            yield

    def test_unguarded(): pass

    @pytest.mark.memguard
    def test_guarded(): pass
"""


EXPLAINED = (
    "open",
    "listdir",
    "get_objects",
    "monotonic",
    "thread_time",
    "enumerate",
    "mkdtemp",
    "getrusage",
)
"""What a leak is explained under: each takes seconds."""


def test_what_a_fixture_patches_changes_no_verdict(project: GuardedProject) -> None:
    project.write(test_before=OF_A_MODULE, test_it=PROJECT)
    run = project.spawn("--memguard-accept")
    assert run.counted() == {"passed": 2 * len(PATCHED) + 3}
    assert set(run.outcomes().values()) == {"no-baseline"}
    peaks = {run.measured(f"test_plain[{name}]") for name in map("+".join, PATCHED)}
    assert max(peaks) - min(peaks) < 2048
    project.let(GROWN=1)
    explained = " or ".join(EXPLAINED)
    grown = project.spawn("-k", f"plain or unpatched or (repeated and ({explained}))")
    outcomes = grown.outcomes()
    plain = [f"test_plain[{name}]" for name in map("+".join, PATCHED)]
    assert {name: outcomes[name] for name in plain} == dict.fromkeys(plain, "grew")
    repeated = {name: one for name, one in grown.results().items() if name.startswith("test_repeated")}
    assert len(repeated) >= len(EXPLAINED)
    for one in repeated.values():
        assert one["outcome"] == "leaked", one
        assert "test_it.HELD" in one["leak"]["held_by"][0], one


FAKES = """
    import datetime, os, pathlib, time, freezegun, pytest, time_machine
    GROWN = bool(os.environ.get("GROWN"))
    HELD = []

    def work():
        held = bytearray(100_000 + 1_000_000 * GROWN)

    def leak():
        if GROWN: HELD.append(bytearray(1000))

    @pytest.fixture
    def frozen():
        with freezegun.freeze_time("2020-01-01"): yield

    @pytest.fixture
    def travelled():
        with time_machine.travel("2020-01-01", tick=False): yield

    @pytest.mark.memguard
    def test_fake_files(fs):
        pathlib.Path("/file").write_text("text")
        work()

    @pytest.mark.memguard(leaks=True, leak_budget="20 ms")
    def test_leak_in_fake_files(fs):
        assert not pathlib.Path(__file__).exists()
        leak()

    @pytest.mark.memguard(leaks=True, leak_budget="20 ms")
    def test_frozen(frozen):
        assert datetime.datetime.now().year == 2020
        leak()

    @pytest.mark.memguard(leaks=True, leak_budget="20 ms")
    def test_travelled(travelled):
        assert datetime.datetime.now().year == 2020
        leak()

    @pytest.mark.memguard(threads=2)
    def test_threads(frozen): work()

    def test_part(fs_module, memguard):
        with memguard.measure("part"): work()

    @pytest.mark.memguard
    def test_after_fake_files_of_the_module(): work()
"""


def test_fake_files_and_frozen_time_change_no_verdict(project: GuardedProject) -> None:
    plugins = ("pyfakefs.pytest_plugin",)
    project.write(test_it=FAKES)
    run = project.spawn("--memguard-accept", plugins=plugins)
    assert set(run.outcomes().values()) == {"no-baseline"}, run.text
    assert about(run.measured("test_fake_files"), 100_057)
    assert about(run.measured("test_after_fake_files_of_the_module"), 100_057)
    project.let(GROWN=1)
    assert project.spawn(plugins=plugins).outcomes() == {
        "test_fake_files": "grew",
        "test_leak_in_fake_files": "leaked",
        "test_frozen": "leaked",
        "test_travelled": "leaked",
        "test_threads": "grew",
        "test_part::part": "grew",
        "test_after_fake_files_of_the_module": "grew",
    }


def about(measured: int, expected: int) -> bool:
    """Allow for what the fake itself allocates."""
    return expected <= measured < expected + 1024


def test_an_error_of_memguard_is_a_reason_and_no_failure(project: GuardedProject) -> None:
    project.write(
        {
            "conftest.py": """
                import pytest
                from pytest_memguard.guard.session import GuardSession
                from pytest_memguard.meters.memray_meter import MemrayMeter, MemrayRecording

                @pytest.fixture(params=["recording", "sample", "judge"])
                def broken(request, monkeypatch):
                    def fail(*_arguments, **_named): raise ValueError("broken inside")
                    owners = {"recording": MemrayMeter, "sample": MemrayRecording, "judge": GuardSession}
                    monkeypatch.setattr(owners[request.param], request.param, fail)
            """
        },
        test_it="""
            import pytest
            RAN = []

            @pytest.mark.memguard
            def test_whole(broken): RAN.append("whole")

            def test_parts(broken, memguard):
                with memguard.measure("part"): RAN.append("part")

            def test_all_ran(): assert set(RAN) == {"whole", "part"} and RAN.count("whole") == 3
        """,
    )
    run = project.run()
    assert run.counted() == {"passed": 7}, run.text
    assert set(run.outcomes().values()) == {"not-measured"}
    assert "ValueError: broken inside; please report it" in run.reason("test_whole[sample]")


def test_the_collector_answers_as_without_memguard(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import gc, pytest

            class Held: pass
            HELD = Held()
            HOLDER = [HELD]

            @pytest.fixture
            def referrers(): return len(gc.get_referrers(HELD))

            def guarded(**given): return pytest.param(0, marks=pytest.mark.memguard(**given))

            LEAKS = guarded(leaks=True, leak_budget="10 ms")
            CASES = guarded(), guarded(isolate=True), guarded(fresh=True), LEAKS

            @pytest.mark.parametrize("n", CASES)
            def test_it(referrers, n):
                assert any(one is HOLDER for one in gc.get_referrers(HELD))
                found = len(gc.get_referrers(HELD))
                with open("counts.txt", "a") as counts: print(found, referrers, file=counts)
                assert any(one is HOLDER for one in gc.get_objects())
        """
    )
    assert project.run(guard=False).counted() == {"passed": 4}
    run = project.run()
    assert run.counted() == {"passed": 4}, run.text
    assert set(run.outcomes().values()) == {"no-baseline"}
    for line in (project.root / "counts.txt").read_text().splitlines():
        assert len(set(line.split())) == 1


def test_every_frame_above_a_test_has_the_name_of_a_module(project: GuardedProject) -> None:
    """Structlog and others look there for the module that logs."""
    project.write(
        test_it="""
            import sys
            import pytest

            @pytest.mark.memguard
            def test_it():
                frame = sys._getframe()
                while frame is not None:
                    assert frame.f_globals["__name__"]
                    frame = frame.f_back
        """
    )
    assert project.run().outcomes() == {"test_it": "no-baseline"}
