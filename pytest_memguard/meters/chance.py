"""Memory that a library allocates in some runs only, depending on timing: it is not counted."""

from __future__ import annotations

_TAKEN_BY_CHANCE = frozenset(
    {
        # The development server reads what is left of a request into 10 MB, if the client closes the
        # connection within 10 ms; as of werkzeug 3.1.
        ("werkzeug/serving.py", "execute"),
    }
)
"""File and function that allocate it themselves, and not by what they call."""

FILES = frozenset(file for file, _function in _TAKEN_BY_CHANCE)


def is_taken_by_chance(file: str, function: str) -> bool:
    """Say whether it is chance that a function of a library allocates.

    >>> is_taken_by_chance("werkzeug/serving.py", "execute")
    True
    """
    return (file, function) in _TAKEN_BY_CHANCE
