"""Generated examples take as long as the machine makes them: a limit of time would test the machine."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "memguard", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)


WITH_FIXTURES = settings(
    settings.get_profile("memguard"),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
"""For tests whose examples share a fixture, such as a folder in which each writes the same file anew."""


def load() -> None:
    """Use this profile for the tests that are collected from now on."""
    settings.load_profile("memguard")
