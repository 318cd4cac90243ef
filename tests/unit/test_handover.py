"""What several workers of pytest-xdist found out, joined."""

from __future__ import annotations

from pytest_memguard.run.handover import Handover


def test_no_worker_hides_what_another_one_has_met() -> None:
    one = Handover(planned=("a", "b"), passed_over=("test_a.py",), skipped=("test_s.py",), lines={"a": 3})
    other = Handover(planned=("b",), has_guarded=True, unread=("memguard.yml",), error="no")
    both = Handover(
        planned=("a", "b"),
        lines={"a": 3},
        has_guarded=True,
        passed_over=("test_a.py",),
        skipped=("test_s.py",),
        unread=("memguard.yml",),
        error="no",
    )
    assert one.joined(other) == other.joined(one) == both
