"""The reports of a run. They show verdicts and compute none."""
