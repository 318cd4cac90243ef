"""Beside pytest-memray, and tests that start a tracker of memray themselves: no test fails for that."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject

PLUGINS = ("pytest_memray.plugin",)
PROJECT = """
    import os, memray, pytest
    N = 1_000_000 * (1 + bool(os.environ.get("GROWN")))
    KEPT = []

    @pytest.mark.memguard
    @pytest.mark.limit_memory("1.5 MB")
    def test_limit(): held = bytearray(N)

    @pytest.mark.memguard
    @pytest.mark.limit_leaks("1.5 MB")
    def test_limit_of_leaks(): KEPT.append(bytearray(N))

    @pytest.mark.memguard(max_peak="10 MB")
    @pytest.mark.limit_memory("1 KB")
    def test_own_limit_wins(): held = bytearray(1_000_000)

    @pytest.mark.memguard
    @pytest.mark.limit_memory("1.5 MB", current_thread_only=True)
    def test_left_to_it(): held = bytearray(N)

    @pytest.mark.memguard(fresh=True)
    @pytest.mark.limit_memory("1.5 MB")
    def test_fresh(): held = bytearray(N)

    @pytest.mark.memguard
    def test_without_limit(): held = bytearray(N)

    @pytest.mark.limit_memory("1.5 MB")
    def test_not_guarded(): held = bytearray(N)

    @pytest.mark.memguard
    def test_own_tracker(tmp_path):
        (tmp_path / "once").mkdir()
        with memray.Tracker(tmp_path / "own.bin"): pass
"""


@pytest.mark.parametrize("options", [(), ("--memray",)], ids=str)
def test_limits_of_pytest_memray_are_judged_and_nothing_collides(
    project: GuardedProject, options: tuple[str, ...]
) -> None:
    project.write(test_it=PROJECT)
    run = project.spawn("--memguard-accept", *options, plugins=PLUGINS)
    assert run.counted() == {"passed": 8}, run.text
    unmeasured = {"test_left_to_it", "test_own_tracker"}
    assert {name for name, outcome in run.outcomes().items() if outcome == "not-measured"} == unmeasured
    assert "write max_peak in the memguard marker" in run.reason("test_left_to_it")
    assert "its own memray tracker" in run.reason("test_own_tracker")
    project.let(GROWN=1)
    grown = project.spawn(*options, plugins=PLUGINS)
    assert grown.counted() == {"passed": 2, "failed": 6}
    assert grown.outcomes() == {
        "test_limit": "over-limit",
        "test_limit_of_leaks": "over-limit",
        "test_own_limit_wins": "ok",
        "test_left_to_it": "not-measured",
        "test_fresh": "over-limit",
        "test_fresh::body": "grew",
        "test_without_limit": "grew",
        "test_own_tracker": "not-measured",
    }
    limit = grown.results()["test_limit"]["metrics"]["peak"]["limit"]
    assert limit == 1.5 * 1024 * 1024


def test_a_limit_that_cannot_be_read_is_a_usage_error(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest

            @pytest.mark.memguard
            @pytest.mark.limit_memory("much")
            def test_limit(): pass
        """
    )
    run = project.run(plugins=PLUGINS)
    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert "limit_memory has the limit 'much'; accepted is a size such as '24 MB'" in run.errors


def test_adopting_fails_no_test_that_passes(project: GuardedProject) -> None:
    project.write(test_it=PROJECT.replace("@pytest.mark.memguard\n", "@pytest.mark.skipif('False')\n"))
    run = project.spawn("--memguard-all", "--memguard-advisory", plugins=PLUGINS)
    assert run.counted() == {"passed": 8}, run.text


def test_a_region_that_starts_a_tracker_of_its_own_is_left_to_it(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import memray, pytest

            def test_own_tracker(memguard, tmp_path):
                (tmp_path / "once").mkdir()
                with memguard.measure("one"):
                    held = bytearray(2_000_000)
                with memguard.measure("two"), memray.Tracker(tmp_path / "own.bin"):
                    held += b"x"
        """
    )
    run = project.spawn()
    assert run.counted() == {"passed": 1}, run.text
    assert run.outcomes() == dict.fromkeys(["test_own_tracker::one", "test_own_tracker::two"], "not-measured")
    assert "its own memray tracker" in run.reason("test_own_tracker::two")
