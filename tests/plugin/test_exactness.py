"""Known bytes are measured to the byte: in every order, process, hash seed and kind of distribution."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.guarded_project import GuardedProject, Run
from tests.meter_here import BYTEARRAY_BYTES, needs_memray

XDIST = ("xdist.plugin",)
KNOWN = """
    import json, re, pytest

    pytestmark = pytest.mark.memguard
    HELD = []

    @pytest.mark.parametrize("size", [10_000, 100_000, 12_345_678])
    def test_bytearray(size): held = bytearray(size)

    @pytest.mark.parametrize("size", [100_000, 1_234_567])
    def test_bytes_kept(size): HELD.append(bytes(size))

    def test_objects():
        rows = {f"key {n}": [n, str(n), {n}] for n in range(500)}
        assert json.loads(json.dumps({key: row[:2] for key, row in rows.items()}))

    def test_that_pollutes():
        HELD.append([object() for _ in range(5_000)])

    def test_first_calls():
        assert re.compile("(a|b)+[c-f]{3,7}").fullmatch("abcde")

    def test_tuples():                           # last here, so that it is first of all in reversed order
        rows = [(n, str(n)) for n in range(1000)]
"""


@pytest.fixture
def known(project: GuardedProject) -> GuardedProject:
    """Return two modules whose tests allocate a known number of bytes, and a plugin that reorders them."""
    project.write(
        {
            "conftest.py": """
                import os, random

                def pytest_collection_modifyitems(items):
                    order = os.environ.get("ORDER", "")
                    if order == "reversed": items.reverse()
                    elif order: random.Random(order).shuffle(items)
            """
        },
        test_it=KNOWN,
        test_twin=KNOWN,
    )
    return project


def figures(run: Run) -> dict[str, tuple[int, int]]:
    """Return peak and retained of every test; what a first call of a regex costs depends on who is first."""
    return {
        test["id"]: (test["metrics"]["peak"]["measured"], test["metrics"]["retained"]["measured"])
        for test in run.file["tests"]
        if "first_calls" not in test["id"]
    }


def test_known_bytes_are_measured_to_the_byte(known: GuardedProject) -> None:
    run = known.run("test_it.py")
    arguments = sys.getsizeof((0,))  # of the call: CPython 3.15 finds no tuple for them in its free list
    for size in (10_000, 100_000, 12_345_678):
        assert run.measured(f"test_bytearray[{size}]") - size - BYTEARRAY_BYTES in (0, arguments)
        assert run.measured(f"test_bytearray[{size}]", "retained") == 0
    for size in (100_000, 1_234_567):
        kept = run.measured(f"test_bytes_kept[{size}]", "retained")
        assert kept == bytes(size).__sizeof__()


def test_a_peak_behind_one_of_the_harness_is_measured_to_the_byte(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import os, _pytest, pytest

            HERE = {}
            exec(compile("def hog(size): return len(bytearray(size))", _pytest.__file__, "exec"), HERE)

            @pytest.mark.memguard
            def test_it():
                HERE["hog"](5_000_000)
                len(bytearray(int(os.environ["SIZE"])))

            @pytest.mark.memguard(max_peak="3 MB")
            def test_limited():
                HERE["hog"](5_000_000)
                len(bytearray(int(os.environ["SIZE"])))
        """,
    )
    project.let(SIZE=2_000_000)
    project.accept()
    same = project.run()
    assert same.counted() == {"passed": 2}
    for name in ("test_it", "test_limited"):
        assert 2_000_000 < same.measured(name) < 2_000_200
    project.let(SIZE=4_000_000)
    more = project.run()
    assert more.outcomes() == {"test_it": "grew", "test_limited": "over-limit"}
    assert [site["line"] for site in more.results()["test_it"]["sites"]] == [10]


def test_the_same_bytes_in_every_order_process_and_hash_seed(known: GuardedProject) -> None:
    expected = figures(known.spawn())
    assert len(expected) == 16
    for number, order in enumerate(["reversed", "17", "18"]):
        known.let(ORDER=order, PYTHONHASHSEED=number)
        assert figures(known.spawn()) == expected


def comparable(run: Run) -> list[dict[str, Any]]:
    """Return what a results file says of every test, but for what is recorded and not gated."""
    tests: list[dict[str, Any]] = [
        {name: value for name, value in test.items() if name not in ("first_cost", "samples")}
        for test in run.file["tests"]
    ]
    for test in tests:
        test["metrics"].pop("allocations", None)
    return [test for test in tests if "first_calls" not in test["id"]]


def test_the_same_numbers_and_summary_under_xdist(known: GuardedProject) -> None:
    known.spawn("--memguard-accept")
    known.write(test_it=KNOWN.replace("12_345_678", "12_999_999").replace("test_that_pollutes", "test_new"))
    plain = known.spawn()
    assert plain.counted() == {"passed": 18}
    known.write(test_twin=KNOWN.replace("bytes(size)", "bytes(size + 300_000)"))
    plain = known.spawn()
    assert plain.counted() == {"passed": 16, "failed": 2}
    for mode in ("load", "loadscope", "worksteal"):
        spread = known.spawn("-n2", f"--dist={mode}", plugins=XDIST)
        assert spread.code == plain.code
        assert spread.counted() == plain.counted()
        assert comparable(spread) == comparable(plain)
        assert spread.summary == plain.summary


def gated(project: GuardedProject) -> dict[str, list[str]]:
    """Return the lines of every baseline file; allocations are not gated, and one more is no news."""
    (folder,) = (project.root / ".memguard/baseline").iterdir()
    files = {path.name: path.read_text().splitlines() for path in folder.glob("*.yml")}
    for path in folder.iterdir():
        path.unlink()
    return {name: [line for line in lines if "allocations:" not in line] for name, lines in files.items()}


def test_accepting_under_xdist_writes_the_same_baseline(known: GuardedProject) -> None:
    selected = ("--memguard-accept", "-k", "not first_calls")
    known.spawn(*selected)
    plain = gated(known)
    run = known.spawn(*selected, "-n2", plugins=XDIST)
    assert "accepted 16 entries into .memguard/baseline" in run.summary
    assert gated(known) == plain
    assert sorted(plain) == ["test_it.py.yml", "test_twin.py.yml"]


def test_what_a_test_keeps_of_its_stack_is_the_same_in_every_sample(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import traceback, pytest

            def keep(): return [repr(frame) for frame in traceback.extract_stack()]

            def test_source_is_read(): keep()

            @pytest.mark.memguard
            def test_whole(): held = [keep() for _ in range(50)]

            def test_parts(memguard):
                with memguard.measure("part"): held = [keep() for _ in range(50)]
        """
    )
    run = project.spawn()
    for result in run.results().values():
        varied = result["measurement"].get("spread", {})
        assert max(varied.values(), default=0) < 1024, result


@needs_memray
def test_files_that_are_added_to_a_folder_change_no_import(project: GuardedProject) -> None:
    """What imports keeps the names of all files of a folder, and lists it again once there are others."""
    project.write(
        {f"data/{number}_{'x' * 100}": "" for number in range(500)},
        test_it="""
            import importlib.util, os, pathlib, pytest, sys
            sys.path.insert(0, "data")
            importlib.util.find_spec("no_such_module")

            @pytest.fixture
            def added():
                if os.environ.get("ADDED"): pathlib.Path("data", str(len(os.listdir("data")))).touch()

            @pytest.mark.memguard
            def test_import(added):
                assert importlib.util.find_spec("no_such_module") is None
        """,
    )
    project.accept()
    project.let(ADDED=1)
    assert project.run().outcomes() == {"test_import": "ok"}
