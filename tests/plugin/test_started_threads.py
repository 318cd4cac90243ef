"""Threads that a body of `threads=N` starts: they take turns too, and what they make counts."""

from __future__ import annotations

from tests.guarded_project import GuardedProject

THREADS = 4
VALUE_BYTES = 400_000


def test_what_a_pool_makes_counts_and_a_race_in_it_shows(project: GuardedProject) -> None:
    """A library that a pool calls has no line of the project above it."""
    project.write(
        test_pool=f"""
            import json
            import threading
            from concurrent.futures import ThreadPoolExecutor

            import pytest

            TEXT = json.dumps("x" * {VALUE_BYTES})
            LOCK = threading.Lock()

            @pytest.fixture
            def cache():
                return {{}}

            @pytest.fixture
            def pool():
                with ThreadPoolExecutor({THREADS}) as pool:
                    yield pool

            def load():
                return json.loads(TEXT)

            def get(cache, pool):
                if not cache:
                    value = pool.submit(load).result()
                    cache.setdefault("key", []).append(value)
                return cache["key"]

            @pytest.mark.memguard(threads={THREADS})
            def test_racy(cache, pool):
                assert get(cache, pool)

            @pytest.mark.memguard(threads={THREADS})
            def test_right(cache, pool):
                with LOCK:
                    future = cache.get("key")
                    if future is None:
                        future = cache["key"] = pool.submit(json.loads, TEXT)
                assert future.result()
        """
    )
    run = project.run()
    right_bytes = run.measured("test_right")
    assert VALUE_BYTES < right_bytes < 2 * VALUE_BYTES
    assert run.measured("test_racy") > right_bytes + (THREADS - 1) * VALUE_BYTES
    assert "took no turns" not in run.text
    assert abs(project.run().measured("test_right") - right_bytes) < 1_000
