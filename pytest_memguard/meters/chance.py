"""Memory that is allocated in some runs only, by timing or by other processes: it is not counted."""

from __future__ import annotations

_BY_CHANCE = frozenset(
    {
        # The development server reads what is left of a request into 10 MB, if the client closes the
        # connection within 10 ms; as of werkzeug 3.1.
        ("werkzeug/serving.py", "execute"),
        # An import keeps the names of all files in the folders that it searches, and lists a folder anew
        # once a file was added to it, by whomever.
        ("<frozen importlib._bootstrap_external>", "_fill_cache"),
    }
)
"""File and function that allocate it themselves, and not by what they call."""

FILES = frozenset(file for file, _function in _BY_CHANCE)


def is_by_chance(file: str, function: str) -> bool:
    """Say whether it is chance what a function allocates.

    >>> is_by_chance("werkzeug/serving.py", "execute")
    True
    """
    return (file, function) in _BY_CHANCE
