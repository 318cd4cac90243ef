"""What guarding costs: ratios against the neighbours on the same tests, in one run.

python -m benchmarks.overhead [--rounds 5]

Whole pytest processes are timed in turn, A B C A B C …, and the cost of one test is the
difference between the fastest run of many tests and the fastest of one: what else a machine does
only ever adds. The targets stand in the last column.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BODIES = {
    "empty": (40, "pass"),
    "numpy 10 MB": (40, "numpy.ones(10_000_000 // 8).sum()"),
    "100,000 objects": (10, "[str(i) for i in range(100_000)]"),
    "1,000,000 objects": (4, "[str(i) for i in range(1_000_000)]"),
}
BARE_TRACKER = """
import sys, time, pytest, memray
def once():
    with memray.Tracker(destination=memray.FileDestination(sys.argv[1], overwrite=True)): pass
for _ in range(5): once()
start = time.perf_counter()
for _ in range(100): once()
print((time.perf_counter() - start) / 100)
"""


@dataclass(frozen=True)
class Tool:
    """One way to run the tests: the plugins and options it needs."""

    name: str
    arguments: tuple[str, ...]
    template: str = "def test_{number}():\n    {body}\n"


BARE = Tool("pytest alone", ())
MEMGUARD = Tool("memguard", ("-p", "pytest_memguard.plugin", "--memguard", "--memguard-all"))
MEMRAY = Tool("pytest-memray", ("-p", "pytest_memray.plugin", "--memray", "--trace-python-allocators"))
BENCHMEM = Tool(
    "pytest-benchmem",
    (
        "-p",
        "pytest_benchmark.plugin",
        "-p",
        "pytest_benchmem.pytest_plugin",
        "--benchmark-memory",
        "--benchmark-disable-gc",
    ),
    "def test_{number}(benchmark):\n    benchmark.pedantic(lambda: body(), rounds=1, iterations=1)\n",
)
INSTALLED = Tool("memguard, not asked for", ("-p", "pytest_memguard.plugin"))


def project(folder: Path, tool: Tool, body: str, tests: int) -> None:
    """Write a project with one module of equal tests."""
    folder.mkdir(parents=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    head = "import numpy\n" if "numpy" in body else ""
    head += f"def body():\n    {body}\n"
    cases = "".join(tool.template.format(number=number, body=body) for number in range(tests))
    (folder / "test_bodies.py").write_text(head + cases)


def run(folder: Path, tool: Tool, *more: str) -> float:
    """Return the seconds of one pytest process; a failing one is a mistake of this benchmark."""
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tool.arguments, *more]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{tool.name}: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return seconds


def cost_per_test(work: Path, tools: list[Tool], body: str, tests: int, rounds: int) -> dict[str, float]:
    """Return the seconds that one more test costs under each tool."""
    folders = {}
    for tool in tools:
        for count in (1, tests + 1):
            folders[tool.name, count] = folder = work / f"{tool.name}-{count}".replace(" ", "-")
            project(folder, tool, body, count)
            if tool is MEMGUARD:
                run(folder, tool, "--memguard-accept")
            run(folder, tool)
    fastest = dict.fromkeys(folders, float("inf"))
    for _ in range(rounds):
        for tool in tools:
            for count in (1, tests + 1):
                key = tool.name, count
                fastest[key] = min(fastest[key], run(folders[key], tool))
    return {tool.name: (fastest[tool.name, tests + 1] - fastest[tool.name, 1]) / tests for tool in tools}


def bare_tracker(work: Path) -> float:
    """Return the seconds of a memray tracker around nothing, in a process that has loaded pytest."""
    command = [sys.executable, "-c", BARE_TRACKER, str(work / "bare.bin")]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def idle(work: Path, rounds: int) -> tuple[float, float, float]:
    """Return the least seconds of pytest without and with memguard, and the noise between equal runs."""
    folder = work / "idle"
    project(folder, BARE, "pass", 200)
    run(folder, INSTALLED)
    without: list[float] = []
    installed: list[float] = []
    for _ in range(rounds * 2):
        without.append(run(folder, BARE))
        installed.append(run(folder, INSTALLED))
    return min(without), min(installed), statistics.pstdev(without)


def main() -> int:
    """Print the tables; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    missed = 0
    with tempfile.TemporaryDirectory(prefix="memguard-bench-") as name:
        work = Path(name)
        print(
            f"{'one more test costs':22}{'alone':>10}{'memguard':>10}{'memray':>10}{'benchmem':>10}"
            "   memguard / memray"
        )
        tools = [BARE, MEMGUARD, MEMRAY, BENCHMEM]
        empty = 0.0
        for label, (tests, body) in BODIES.items():
            cost = cost_per_test(work / label.replace(" ", "-"), tools, body, tests, rounds)
            ratio = cost[MEMGUARD.name] / cost[MEMRAY.name]
            missed += ratio > 1
            empty = empty or cost[MEMGUARD.name]
            figures = "".join(f"{cost[tool.name] * 1000:8.1f}ms" for tool in tools)
            print(f"{label:22}{figures}   {ratio:.2f}  (target 1.00)")
        tracker = bare_tracker(work)
        missed += empty / tracker > 1.5
        print(
            f"an empty guarded test: {empty * 1000:.1f} ms, {empty / tracker:.2f} bare trackers of "
            f"{tracker * 1000:.1f} ms (target 1.50)"
        )
        without, installed, noise = idle(work, rounds)
        missed += installed - without > 2 * noise
        print(
            f"not asked for: pytest {without:.3f} s, with memguard installed {installed:.3f} s "
            f"({(installed - without) * 1000:+.0f} ms, noise {noise * 1000:.0f} ms)"
        )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
