"""Plays the outage: real requests to the shop before the deployment, with it, and after the rollback.

    python load.py              60 seconds before, 120 with it, 60 after; draws outage.png
    python load.py --quick      the same in some seconds

Every phase is a server process of its own, as every deployment is. Four clients ask all the time;
each visitor looks at five pages and goes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles

import psutil

HERE = Path(__file__).resolve().parent
CLIENTS = 4
PAGES_A_VISIT = 5
POPULAR_PRODUCTS = 150
LEAST_REQUESTS = 500  # on a slow machine a phase takes longer
NEEDED = ("flask", "matplotlib")
MIB = 1024**2


@dataclass
class Phase:
    """What one server process did: memory and response times, by seconds since the whole began."""

    name: str
    memory: list[tuple[float, float]] = field(default_factory=list)
    responses: list[tuple[float, float]] = field(default_factory=list)

    def figures(self) -> dict[str, float | str]:
        """Return memory in MiB at both ends, and response times in milliseconds."""
        tenth = max(2, len(self.responses) // 10)
        times = [milliseconds for _, milliseconds in self.responses]
        return {
            "phase": self.name,
            "requests": len(times),
            "memory_start_mib": round(self.memory[0][1], 1),
            "memory_end_mib": round(self.memory[-1][1], 1),
            "median_first_tenth_ms": round(median(times[:tenth]), 1),
            "median_last_tenth_ms": round(median(times[-tenth:]), 1),
            "p99_last_tenth_ms": round(quantiles(times[-tenth:], n=100)[-1], 1),
        }


@contextmanager
def served(*, patched: bool) -> Iterator[tuple[int, psutil.Process]]:
    """Serve the shop from a copy of this folder; yields the port and the process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "shop"
        shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        if patched:
            subprocess.run(["git", "apply", "personal-pages.patch"], cwd=folder, check=True)
        server = subprocess.Popen(
            [sys.executable, "serve.py"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline()), psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait()


def visit(port: int, products: Iterator[int], phase: Phase, began: float) -> None:
    """Look at some pages as one visitor, who keeps the cookie of the first answer."""
    headers: dict[str, str] = {}
    for product in itertools.islice(products, PAGES_A_VISIT):
        asked = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("GET", f"/product/{product}", headers=headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        now = time.perf_counter()
        assert response.status == 200, body
        headers = {"Cookie": str(response.headers["Set-Cookie"]).split(";")[0]}
        phase.responses.append((now - began, 1000 * (now - asked)))


def run_phase(name: str, seconds: float, began: float, *, patched: bool) -> Phase:
    """Serve and ask for some seconds."""
    phase = Phase(name)
    with served(patched=patched) as (port, server):
        end = time.perf_counter() + seconds

        def goes_on() -> bool:
            return time.perf_counter() < end or len(phase.responses) < LEAST_REQUESTS

        def client(number: int) -> None:
            products = itertools.cycle(range(number, POPULAR_PRODUCTS, CLIENTS))
            while goes_on():
                visit(port, products, phase, began)

        clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for each in clients:
            each.start()
        while goes_on():
            phase.memory.append((time.perf_counter() - began, server.memory_info().rss / MIB))
            time.sleep(0.2)
        for each in clients:
            each.join()
    phase.responses.sort()
    return phase


def draw(phases: list[Phase], target: Path) -> None:
    """Draw memory and response times over the three phases."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to load, and only now needed

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - the same

    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(9, 5.5), layout="constrained")
    for phase, colour in zip(phases, ("tab:green", "tab:red", "tab:green"), strict=True):
        above.plot(*zip(*phase.memory, strict=True), color=colour, linewidth=2)
        seconds = sorted({int(at) for at, _ in phase.responses})
        medians = [median(ms for at, ms in phase.responses if int(at) == second) for second in seconds]
        below.plot(seconds, medians, color=colour, linewidth=2)
    for axes in (above, below):
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        for phase, label in zip(phases[1:], ("deployment", "rollback"), strict=True):
            axes.axvline(phase.memory[0][0], color="black", linestyle="--", linewidth=1)
            if axes is above:
                axes.annotate(
                    f" {label}", (phase.memory[0][0], 1), xycoords=("data", "axes fraction"), va="bottom"
                )
    above.set_ylabel("memory of the server (MiB)")
    below.set_ylabel("response time,\nmedian of a second (ms)")
    below.set_xlabel("seconds")
    figure.savefig(target, dpi=110)


def print_table(figures: list[dict[str, float | str]]) -> None:
    """Print the figures of each phase on a line."""
    print("phase        requests   memory (MiB)       response time (ms)")
    print("                        start      end     first 10%  last 10%  99% of last 10%")
    for each in figures:
        print(
            "{phase:<11}{requests:>10}{memory_start_mib:>9}{memory_end_mib:>9}"
            "{median_first_tenth_ms:>14}{median_last_tenth_ms:>10}{p99_last_tenth_ms:>17}".format(**each)
        )


def main() -> None:
    """Play the three phases, print their figures and draw them."""
    parser = argparse.ArgumentParser(description="Play the outage.")
    parser.add_argument("--quick", action="store_true", help="some seconds instead of four minutes")
    parser.add_argument("--draw", type=Path, default=Path("outage.png"), help="the picture to write")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        parser.error(f"not installed: {', '.join(missing)}. Run it with what it needs: uv run load.py")
    unit = 3.0 if options.quick else 60.0
    began = time.perf_counter()
    phases = [
        run_phase("before", unit, began, patched=False),
        run_phase("deployment", 2 * unit, began, patched=True),
        run_phase("rollback", unit, began, patched=False),
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
