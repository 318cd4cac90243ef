"""Generated examples take as long as the machine makes them: a deadline would test the machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("memguard", deadline=None, max_examples=40)
settings.load_profile("memguard")
