"""pytest-memguard: a pytest plugin that fails a test run when memory grows or leaks.

PYTEST_DONT_REWRITE: pytest warns of a plugin that is imported before it could rewrite its asserts, as
this one is in the interpreter of a fresh test; where warnings are errors, the test would fail because of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_memguard.guard.memguard_fixture import MemguardFixture


__version__ = "0.1.0"
__all__ = ["MemguardFixture", "__version__"]


def __getattr__(name: str) -> object:
    """Give the fixture's type, which tests annotate with; pytest loads this module in every run."""
    if name == "MemguardFixture":
        from pytest_memguard.guard.memguard_fixture import MemguardFixture  # noqa: PLC0415 - only who asks for it pays

        return MemguardFixture
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
