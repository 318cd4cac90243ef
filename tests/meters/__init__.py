"""The meters themselves, on known allocations."""
