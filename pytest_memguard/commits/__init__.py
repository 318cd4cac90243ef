"""Measures at another commit, and reads the history of the baseline."""
