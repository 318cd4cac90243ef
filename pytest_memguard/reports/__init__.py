"""Tells what a run found: every report asks the verdicts and computes none."""
