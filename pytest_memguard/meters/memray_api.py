"""What memguard uses of memray; the one place that loads it, which fails where memray does not work."""

from __future__ import annotations

from memray import (
    AllocationRecord,
    AllocatorType,
    FileDestination,
    FileFormat,
    FileReader,
    Tracker,
)

__all__ = ["AllocationRecord", "AllocatorType", "FileDestination", "FileFormat", "FileReader", "Tracker"]
