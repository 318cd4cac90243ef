"""Running a test again is the same to its fixtures as running it the first time."""

from __future__ import annotations

from tests.guarded_project import GuardedProject


def test_a_test_with_tmp_path_is_sampled_three_times(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import pytest
            SIZES = iter([50_000, 100_000, 150_000])

            @pytest.mark.memguard(max_peak="1 KiB")
            def test_file(tmp_path):
                assert not list(tmp_path.iterdir())
                (tmp_path / "file").write_bytes(bytearray(next(SIZES)))
        """
    )
    run = project.run()
    assert run.results()["test_file"]["samples"] == 3
    assert run.counted() == {"failed": 1}
    assert run.outcomes() == {"test_file": "over-limit"}
