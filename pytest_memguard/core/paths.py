"""Where a project keeps what memguard writes."""

from __future__ import annotations

BASELINE_PATH = ".memguard/baseline"
RESULTS_PATH = ".memguard/results/last.json"
PAGE_PATH = ".memguard/results/report.html"
FLAMES_PATH = ".memguard/results/flamegraphs"
