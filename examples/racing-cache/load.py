"""Plays the outage: real requests to a server with a limit on its memory, in three states.

    python load.py              30 seconds with one lock, 30 without, 30 with a lock per key; draws outage.png
    python load.py --quick      the same in some seconds

Sixteen clients ask all the time. Each second a list grows old; the next request loads it again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from math import nan
from pathlib import Path
from statistics import median, quantiles

import psutil

HERE = Path(__file__).resolve().parent
CLIENTS = 16
COUNTRIES = ("at", "be", "ch", "de", "dk", "es", "fi", "fr", "it", "nl", "pl", "se")
LIMIT_MIB = 160
PATIENCE_SECONDS = 30
NEEDED = ("matplotlib",)
MIB = 1024**2


@dataclass
class Phase:
    """What one server process did, by seconds since the whole began."""

    name: str
    seconds: float
    memory: list[tuple[float, float]] = field(default_factory=list)
    responses: list[tuple[float, float]] = field(default_factory=list)
    failures: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float | str]:
        """Return memory in MiB and response times in milliseconds."""
        times = [milliseconds for _, milliseconds in self.responses] or [nan, nan]  # if none was answered
        last = [at for at, _ in self.responses if at > self.memory[-1][0] - self.seconds / 2]
        return {
            "phase": self.name,
            "requests": len(self.responses) + len(self.failures),
            "failed": len(self.failures),
            "answers_in_second_half": len(last),
            "memory_median_mib": round(median(mib for _, mib in self.memory), 1),
            "memory_most_mib": round(max(mib for _, mib in self.memory), 1),
            "median_ms": round(median(times), 1),
            "p99_ms": round(quantiles(times, n=100)[-1], 1),
            "slowest_ms": round(max(times), 1),
        }


@contextmanager
def served(patches: Sequence[str]) -> Iterator[tuple[int, psutil.Process]]:
    """Serve prices from a patched copy of this folder; yields the port and the process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "prices"
        shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        for patch in patches:
            subprocess.run(["git", "apply", patch], cwd=folder, check=True)
        server = subprocess.Popen(
            [sys.executable, "serve.py", str(LIMIT_MIB)],
            cwd=folder,
            env=os.environ | {"MALLOC_ARENA_MAX": "1"},  # an arena for each thread would count as memory
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline()), psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait()


def ask(port: int, country: str, phase: Phase, began: float) -> None:
    """Ask for one price; no answer, or a broken one, is a failure."""
    asked = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", f"/{country}/17")
        response = connection.getresponse()
        response.read()
    except (OSError, HTTPException):
        phase.failures.append(time.perf_counter() - began)
        return
    finally:
        connection.close()
    assert response.status == 200
    now = time.perf_counter()
    phase.responses.append((now - began, 1000 * (now - asked)))


def run_phase(name: str, seconds: float, began: float, patches: Sequence[str] = ()) -> Phase:
    """Serve and ask for some seconds."""
    phase = Phase(name, seconds)
    with served(patches) as (port, server):
        end = time.perf_counter() + seconds

        def client() -> None:
            for country in itertools.cycle(COUNTRIES):
                if time.perf_counter() > end:
                    return
                ask(port, country, phase, began)

        clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
        for each in clients:
            each.start()
        while time.perf_counter() < end:
            phase.memory.append((time.perf_counter() - began, server.memory_info().rss / MIB))
            time.sleep(0.02)
        for each in clients:
            each.join()
    return phase


def draw(phases: list[Phase], target: Path) -> None:
    """Draw memory and failed requests over the three phases."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to load, and only now needed

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - the same

    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(9, 5.5), layout="constrained")
    for phase, colour in zip(phases, ("tab:green", "tab:red", "tab:blue"), strict=True):
        began = phase.memory[0][0]
        above.plot(*zip(*phase.memory, strict=True), color=colour, linewidth=1)
        above.annotate(f" {phase.name}", (began, 1), xycoords=("data", "axes fraction"), va="bottom")
        below.plot(
            [at for at, _ in phase.responses], [ms for _, ms in phase.responses], ".", color=colour, ms=2
        )
        below.plot(phase.failures, [0.0] * len(phase.failures), "x", color="black")
        for axes in (above, below):
            axes.axvline(began, color="black", linestyle="--", linewidth=1)
    for axes in (above, below):
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    above.set_ylabel("memory of the server (MiB)")
    below.set_ylabel("response time (ms)\nx: failed request")
    below.set_xlabel("seconds")
    figure.savefig(target, dpi=110)


def print_table(figures: list[dict[str, float | str]]) -> None:
    """Print the figures of each phase on a line."""
    print("phase          requests    failed  answered in    memory (MiB)        response time (ms)")
    print("                                   second half     median      most    median      99%   slowest")
    for each in figures:
        print(
            "{phase:<13}{requests:>10}{failed:>10}{answers_in_second_half:>13}{memory_median_mib:>11}{memory_most_mib:>10}"
            "{median_ms:>10}{p99_ms:>9}{slowest_ms:>10}".format(**each)
        )


def main() -> None:
    """Play the three phases, print their figures and draw them."""
    parser = argparse.ArgumentParser(description="Play the outage.")
    parser.add_argument("--quick", action="store_true", help="some seconds instead of a minute and a half")
    parser.add_argument("--draw", type=Path, default=Path("outage.png"), help="the picture to write")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        parser.error(f"not installed: {', '.join(missing)}. Run it with what it needs: uv run load.py")
    seconds = 4.0 if options.quick else 30.0
    began = time.perf_counter()
    phases = [
        run_phase("one lock", seconds, began),
        run_phase("no lock", seconds, began, ["no-lock.patch"]),
        run_phase("lock per key", seconds, began, ["no-lock.patch", "lock-per-key.patch"]),
    ]
    figures = [phase.figures() for phase in phases]
    if options.json:
        print(json.dumps(figures))
    else:
        print_table(figures)
    draw(phases, options.draw)
    if not options.json:
        print(f"drawn: {options.draw}")


if __name__ == "__main__":
    main()
