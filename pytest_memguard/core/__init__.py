"""The values that travel between the wings: units, metrics, measurements, verdicts, policies, settings."""
