"""Long measurements, each printing its figures: `python -m benchmarks.NAME`."""
