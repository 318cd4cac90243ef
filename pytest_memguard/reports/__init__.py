"""Shows the results of a run in each format; reports show verdicts and compute none."""
