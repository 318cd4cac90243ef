"""The profile that a failure names shows what failed."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject

TESTS = """
    import pytest

    KEPT = []
    HELD = []

    @pytest.mark.memguard(leaks=True, leak_budget="100 ms")
    def test_leaks(): KEPT.append(bytearray(3_000))

    @pytest.mark.memguard(max_retained="10 KiB")
    def test_retains(): HELD.append(bytearray(100_000))

    @pytest.mark.memguard(max_peak="10 KiB")
    def test_peaks(): len(bytearray(100_000))
"""


def test_profiles_are_of_the_calls_that_leak_or_of_the_sample_that_failed(project: GuardedProject) -> None:
    memray = pytest.importorskip("memray")
    project.write(test_it=TESTS)
    run = project.run()
    hints = {name: result["hints"] for name, result in run.results().items()}
    assert "leaks=True names what holds it" in hints["test_retains"]
    commands = {
        name: next(hint for hint in given if hint.startswith("profile: ")).split()[1:]
        for name, given in hints.items()
    }
    assert {name: command[:-1] for name, command in commands.items()} == {
        "test_leaks": ["memray", "flamegraph", "--leaks"],
        "test_retains": ["memray", "flamegraph", "--leaks"],
        "test_peaks": ["memray", "flamegraph"],
    }
    with memray.FileReader(project.root / commands["test_leaks"][-1]) as reader:
        left = [record for record in reader.get_leaked_allocation_records() if record.size > 100_000]
        assert [record.stack_trace(1)[0][0] for record in left] == ["test_leaks"]
        assert left[0].n_allocations > 1
