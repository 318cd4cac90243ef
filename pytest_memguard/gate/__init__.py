"""Decides: the one place that compares a measured number with a limit, and the words for it."""
