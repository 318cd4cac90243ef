"""What a threaded sample in decided order costs: `python -m benchmarks.races`.

Times one call of a body from eight threads, in lockstep, against the same threads started at a barrier and
left to the turns of the interpreter. Prints the median of several calls and how often the turn passed.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable

from pytest_memguard.orders.order import order_of
from pytest_memguard.orders.threads import OrderedThreads

THREADS = 8
CALLS = 7
LINES = (10, 1_000, 100_000)
LOCK = threading.Lock()


def body_of(lines: int) -> Callable[[], None]:
    """Return a body that runs about so many lines, with one lock on its way."""

    def body() -> None:
        total = 0
        for number in range(lines // 2):
            total += number
        with LOCK:
            total += 1

    return body


def at_a_barrier(body: Callable[[], None]) -> Callable[[], None]:
    """Return a call of the body from threads that start together."""

    def call() -> None:
        start = threading.Barrier(THREADS)

        def work() -> None:
            start.wait()
            body()

        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return call


def in_order(body: Callable[[], None], order: int) -> tuple[float, int]:
    """Return the median seconds of a call in an order, and how often the turn passed."""
    threads = OrderedThreads(body, THREADS, order=order_of(order), is_own=lambda file: file == __file__)
    with threads as call:
        return median_seconds(call), threads.passed


def median_seconds(call: Callable[[], None]) -> float:
    """Return the median of what some calls take."""
    seconds = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    """Print one line for each size of a body."""
    print(f"{'lines':>8} {'at a barrier':>14} {'lockstep':>12} {'turns':>7} {'staggered':>12} {'turns':>7}")
    for lines in LINES:
        body = body_of(lines)
        barrier = median_seconds(at_a_barrier(body))
        lockstep, passed = in_order(body, 0)
        staggered, staggered_passed = in_order(body, 1)
        print(
            f"{lines:>8,} {1000 * barrier:>11.1f} ms {1000 * lockstep:>9.1f} ms {passed:>7,}"
            f" {1000 * staggered:>9.1f} ms {staggered_passed:>7,}"
        )


if __name__ == "__main__":
    main()
