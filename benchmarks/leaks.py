"""What the leak check costs, and how small a leak it finds.

python -m benchmarks.leaks               cost, in ratios of one run
python -m benchmarks.leaks --detection   smallest leak found within the default budget, by length of the body

The check of a clean body is set against the same number of bare calls, and against the neighbours
on as many calls; each in an interpreter of its own, in turn, the fastest of several rounds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pytest_memguard.core.policy import Policy
from pytest_memguard.leaks.check import LeakCheck
from pytest_memguard.leaks.screen import Screen
from pytest_memguard.meters import SiteNamer, choose_meter
from pytest_memguard.meters.garbage import only_new_garbage

ROOT = Path(__file__).resolve().parent.parent
TARGET = 1.3
BODY = """
import json

def body():
    json.loads(json.dumps({"a": list(range(400)), "b": {"c": [1.5] * 100}}))
"""
KEEP = "import json\nkept = []\n\ndef body():\n    kept.append(json.loads('[1, 2, 3]'))\n"
SCRIPTS = {
    "bare calls": """
start = time.process_time()
for _ in range(calls): body()
print(time.process_time() - start)
""",
    "memray's traced tracker with native frames, as limit_leaks runs it": """
import memray, os
start = time.process_time()
with memray.Tracker(sys.argv[3], native_traces=True, trace_python_allocators=True):
    for _ in range(calls): body()
list(memray.FileReader(sys.argv[3]).get_leaked_allocation_records(merge_threads=True))
print(time.process_time() - start)
""",
    "psleak": """
import psleak
class Case(psleak.MemoryLeakTestCase):
    def runTest(self): self.execute(body, times=calls, warmup_times=0, retries=1, tolerance=10**9)
import unittest
start = time.process_time()
assert unittest.TextTestRunner(stream=open(os.devnull, "w")).run(Case()).wasSuccessful()
print(time.process_time() - start)
""",
}
HEAD = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from bodies import body
calls = int(sys.argv[2])
body()
"""

KEPT: dict[int, Callable[[], object]] = {
    8: lambda: None,
    24: object,
    40: lambda: time.perf_counter() + 1,
    56: lambda: bytes(7),
    72: lambda: bytes(31),
    136: lambda: bytes(95),
    264: lambda: bytes(223),
    1_000: lambda: bytes(959),
}
"""Bytes a call, the eight of a list's slot included, and what is kept."""
LENGTHS = {"10 us": 10e-6, "1 ms": 1e-3, "50 ms": 50e-3}


def main() -> None:
    """Print the one table or the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--detection", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.detection:
        _print_detection()
    else:
        _print_cost(options.rounds)


def _body_of(text: str) -> Callable[[], object]:
    namespace: dict[str, Callable[[], object]] = {}
    exec(compile(text, "<body>", "exec"), namespace)
    return namespace["body"]


def _print_cost(rounds: int) -> None:
    body = _body_of(BODY)
    checks = []
    for _ in range(rounds):
        start = time.process_time()
        finding = LeakCheck(body).screen()
        checks.append(((time.process_time() - start) / finding.calls, finding.calls))
    calls = min(count for _, count in checks)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bodies.py").write_text(BODY, encoding="utf-8")
        costs = {
            name: min(_run(script, folder, calls) for _ in range(rounds)) / calls
            for name, script in SCRIPTS.items()
        }
    bare = costs["bare calls"]
    check = min(cost for cost, _ in checks)
    print(f"{calls:,} calls of a clean body of {bare * 1e6:.0f} us, CPU time per call against bare calls")
    print(f"  {'memguard, screen':70} {check / bare:6.2f}x   (target: at most {TARGET}x)")
    for name, cost in costs.items():
        print(f"  {name:70} {cost / bare:6.2f}x")
    _print_explaining()


def _run(script: str, folder: str, calls: int) -> float:
    capture = Path(folder) / "capture.bin"
    capture.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", HEAD + script, folder, str(calls), str(capture)],
        cwd=ROOT,
        env={**os.environ, "PYTHONMALLOC": "malloc"} if "psleak" in script else None,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def _print_explaining() -> None:
    check = LeakCheck(_body_of(KEEP))
    start = time.perf_counter()
    finding = check.screen()
    screened = time.perf_counter()
    meter = choose_meter(SiteNamer(ROOT)).meter
    check.explain(finding, meter)
    meter.close()
    explained = time.perf_counter()
    print(
        f"a leaking body: {screened - start:.2f} s to find ({finding.calls:,} calls), "
        f"{explained - screened:.2f} s more to explain"
    )


def _leaking(seconds: float, make: Callable[[], object], kept: list[object]) -> Callable[[], None]:
    """Return a body that works so long and keeps one object."""

    def body() -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass
        kept.append(make())

    return body


def _print_detection() -> None:
    print("| body | calls in the check | smallest leak found | time of the check |")
    print("|---|---|---|---|")
    for name, seconds in LENGTHS.items():
        for size_bytes, make in KEPT.items():
            kept: list[object] = []
            start = time.perf_counter()
            with only_new_garbage():
                seen = Screen(_leaking(seconds, make, kept), Policy()).run()
            took = time.perf_counter() - start
            if seen.growth.bytes_per_call:
                print(f"| {name} | {seen.calls:,} | {size_bytes} B a call | {took:.1f} s |")
                break


if __name__ == "__main__":
    main()
