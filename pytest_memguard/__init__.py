"""pytest-memguard: memory growth cannot be merged unnoticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_memguard.guard.fixture import MemguardFixture


__version__ = "0.1.0"
__all__ = ["MemguardFixture", "__version__"]


def __getattr__(name: str) -> object:
    """Give the fixture's type, which tests annotate with; pytest loads this module in every run."""
    if name == "MemguardFixture":
        from pytest_memguard.guard.fixture import MemguardFixture  # noqa: PLC0415 - only who asks for it pays

        return MemguardFixture
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
