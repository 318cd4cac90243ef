"""What each platform cannot see, as docs/reference/platforms.md says: its answers are put in place of ours.

Nothing here runs on another system: a plugin that is loaded first gives the answers that the other one gives,
or takes away what it lacks.
"""

from __future__ import annotations

import os
import sys

import pytest
import yaml

from pytest_memguard.core.meters import BEST_METER
from tests.guarded_project import GuardedProject
from tests.meter_here import METER

ABSENT = """
    import gc, sys
    for name in {modules!r}: sys.modules[name] = None
    for name in {of_gc!r}: delattr(gc, name)
"""
PLATFORMS = {
    "no memray": ABSENT.format(modules=["memray"], of_gc=[]),
    "no meter": ABSENT.format(
        modules=["memray", "tracemalloc", "_tracemalloc"], of_gc=["freeze", "unfreeze", "get_freeze_count"]
    ),
    "no count of the heap": "import psutil; del psutil.heap_info",
    "no pymalloc": """
        import os, sys
        sys._debugmallocstats = lambda: os.write(2, b"heap stats: peak total current")
    """,
    "no /proc": """
        import os, pathlib, sys
        real_stat = os.stat

        def refuse(path):
            if not isinstance(path, int) and os.fsdecode(path).startswith("/proc"):
                frame = sys._getframe(1)
                while frame and "psutil" not in frame.f_code.co_filename:  # elsewhere it asks the system
                    frame = frame.f_back
                if not frame:
                    raise FileNotFoundError(2, "No such file or directory", path)

        def stat(path, **options):
            refuse(path)
            return real_stat(path, **options)

        def hear(event, arguments):
            if event in ("open", "os.listdir", "os.scandir") and arguments[0] is not None:
                refuse(arguments[0])

        os.stat = stat
        if hasattr(pathlib, "_NormalAccessor"):  # CPython 3.10 binds it at import
            pathlib._NormalAccessor.stat = staticmethod(stat)
        sys.addaudithook(hear)
    """,
    "no answers about the process": "import psutil; psutil.PROCFS_PATH = '/nowhere'",
    "no fork": "import os; del os.fork",
}
"""What a system lacks, by what takes it away before memguard is loaded."""

BODIES = """
    import ctypes, multiprocessing, os, subprocess, sys, pytest
    KEPT = []
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]

    @pytest.mark.memguard
    def test_peak(): "x" * int(os.environ.get("SIZE", 500_000))

    @pytest.mark.memguard
    def test_heap(): libc.free(ctypes.c_void_p(libc.malloc(4_000_000)))

    @pytest.mark.memguard(leaks=True, leak_budget="50 ms")
    def test_leak(): KEPT.append(bytes(20_000))

    @pytest.mark.memguard(leaks=True, leak_budget="50 ms")
    def test_heap_leak(): libc.memset(libc.malloc(60_000), 1, 60_000)

    @pytest.mark.memguard(max_allocations=1_000)
    def test_allocations(): pass

    @pytest.mark.memguard(children=True)
    def test_program(): subprocess.run([sys.executable, "-S", "-c", ""], check=True)

    @pytest.mark.memguard(children=True)
    @pytest.mark.skipif(not hasattr(os, "fork"), reason="")
    def test_fork():
        child = os.fork()
        if not child: os._exit(0)
        os.waitpid(child, 0)

    @pytest.mark.memguard(isolate=True)
    def test_isolated(): pass
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the bodies call the C library of Unix")


def on(project: GuardedProject, platform: str) -> GuardedProject:
    """Write the bodies, and the plugin that makes this platform another one."""
    project.write(the_platform=PLATFORMS[platform], test_it=BODIES)
    project.let(PYTHONPATH=project.root)
    return project


def test_without_memray_tracemalloc_measures_and_says_what_it_cannot(project: GuardedProject) -> None:
    on(project, "no memray")
    accepted = project.spawn("--memguard-accept", "-p", "the_platform", "-k", "not leak")
    assert "memguard: tracemalloc (python allocators only)" in accepted.text
    assert f"not with memray, since memray cannot be used on {sys.platform}" in accepted.text
    project.let(SIZE=900_000)
    run = project.spawn("-p", "the_platform")
    assert run.outcomes() == {
        "test_peak": "grew",
        "test_heap": "ok",
        "test_leak": "leaked",
        "test_heap_leak": "leaked",
        "test_allocations": "not-measured",
        "test_program": "not-measured",
        "test_fork": "not-measured",
        "test_isolated": "ok",
    }, run.text
    assert run.measured("test_heap") < 100_000, "the C heap is not seen"
    (grown,) = run.results()["test_peak"]["sites"]
    assert (grown["file"], grown["function"]) == ("test_it.py", "test_peak")
    assert grown["grew_by"] == pytest.approx(400_000, abs=1000)
    assert run.results()["test_leak"]["leak"]["held_by"]
    assert run.results()["test_leak"]["sites"][0]["file"] == "test_it.py"
    assert "tracemalloc cannot count allocations" in run.reason("test_allocations")
    assert "whose memory is not counted" in run.reason("test_program")
    assert "whose memory is not counted" in run.reason("test_fork")


def test_tracemalloc_names_the_lines_behind_the_peaks_of_regions_and_of_fresh_tests(
    project: GuardedProject,
) -> None:
    project.write(
        shop="""
            def build(n):
                return [str(i) for i in range(n)]

            def use(n):
                return len(build(n))
        """,
        test_it="""
            import pytest
            pytestmark = pytest.mark.memguard(meter="tracemalloc")

            def test_region(memguard):
                import shop
                with memguard.measure("build"):
                    shop.use(5_000)

            @pytest.mark.memguard(fresh=True)
            def test_fresh():
                import shop
                shop.use(9_000)
        """,
    )
    project.spawn("--memguard-accept", "--memguard-meter=tracemalloc")
    tests = yaml.safe_load(project.entries())["tests"]
    assert {name: entry["sites"][0]["at"] for name, entry in tests.items()} == dict.fromkeys(
        ["test_fresh", "test_fresh::body", "test_region", "test_region::build"], "shop.py:build"
    )


def test_where_there_is_no_meter_nothing_is_measured_and_every_test_says_so(project: GuardedProject) -> None:
    run = on(project, "no meter").spawn("-p", "the_platform")
    assert set(run.outcomes().values()) == {"not-measured"}
    assert len(run.outcomes()) == run.counted()["passed"] == 8
    assert run.reason("test_peak") == (
        f"no meter works on {sys.platform}: there is neither memray nor tracemalloc"
    )
    asked = project.spawn("-p", "the_platform", "--memguard-meter=memray")
    assert asked.code == 4
    assert "There is none that works." in asked.errors


def test_where_the_heap_is_not_counted_its_leaks_show_in_resident_memory(project: GuardedProject) -> None:
    run = on(project, "no count of the heap").spawn("-p", "the_platform", "-k", "leak")
    assert run.outcomes() == {"test_leak": "leaked", "test_heap_leak": "leaked"}, run.text


CACHE = """
    import itertools, os, pytest
    numbers, CACHE = itertools.count(), {}

    def test_that_frees(): [bytes(20_000) for _ in range(500)]

    @pytest.mark.memguard(leaks=True, leak_budget="50 ms")
    def test_cache():
        CACHE[next(numbers) % int(os.environ.get("ENTRIES", 10))] = bytes(20_000)
"""


def test_where_the_heap_is_not_counted_a_cache_that_settles_higher_grew_even_in_freed_memory(
    project: GuardedProject,
) -> None:
    on(project, "no count of the heap").write(test_it=CACHE)
    accepted = project.spawn("--memguard-accept", "-p", "the_platform")
    assert accepted.results()["test_cache"]["leak"]["settled"] == pytest.approx(200_000, rel=0.05)
    project.let(ENTRIES=40)
    run = project.spawn("-p", "the_platform")
    assert run.outcomes() == {"test_cache": "grew"}, run.text
    assert run.results()["test_cache"]["leak"]["settled"] == pytest.approx(800_000, rel=0.05)
    (line,) = run.results()["test_cache"]["sites"]
    assert (line["file"], line["function"]) == ("test_it.py", "test_cache")


def test_where_small_blocks_have_no_bytes_their_number_tells_a_leak(project: GuardedProject) -> None:
    run = on(project, "no pymalloc").spawn("-p", "the_platform", "-k", "leak")
    assert run.outcomes() == {"test_leak": "leaked", "test_heap_leak": "leaked"}, run.text
    assert run.results()["test_leak"]["leak"]["held_by"]


def test_without_proc_a_program_that_has_ended_is_noticed_all_the_same(project: GuardedProject) -> None:
    run = on(project, "no /proc").spawn("-p", "the_platform", "-k", "program or fork or leak")
    assert run.outcomes() == {
        "test_program": "not-measured",
        "test_fork": "no-baseline" if METER.name == BEST_METER else "not-measured",
        "test_leak": "leaked",
        "test_heap_leak": "leaked",
    }, run.text


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, the answers come from no files")
def test_without_answers_about_the_process_a_leak_of_memory_is_found(project: GuardedProject) -> None:
    run = on(project, "no answers about the process").spawn("-p", "the_platform", "-k", "leak")
    assert run.outcomes() == {"test_leak": "leaked", "test_heap_leak": "leaked"}, run.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is nothing to take away")
def test_without_fork_an_isolated_test_says_that_it_was_not(project: GuardedProject) -> None:
    run = on(project, "no fork").spawn("-p", "the_platform", "-k", "isolated", "-v")
    assert run.outcomes() == {"test_isolated": "no-baseline"}, run.text
    assert "isolate=True needs a system that can fork" in " ".join(run.text.split())
