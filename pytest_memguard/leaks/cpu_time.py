"""The CPU time of this process, which sizes a leak check."""

from __future__ import annotations

import time

try:
    import resource
except ImportError:  # Windows has no such module, nor the timer that makes the other clock coarse
    resource = None  # type: ignore[assignment]  # a module or nothing


def cpu_seconds() -> float:
    """Return the CPU seconds that all threads of this process have used.

    `time.process_time` moves by ticks of the scheduler, 4 ms and more, while a timer of CPU time runs
    on Linux, as the ceiling's does; a quick body would be timed by chance.
    """
    if resource is None:
        return time.process_time()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
