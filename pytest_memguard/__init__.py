"""pytest-memguard: memory growth cannot be merged unnoticed."""

from __future__ import annotations

__version__ = "0.1.0"
