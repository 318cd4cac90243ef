"""Memory that a library allocates in some runs only, depending on timing: it is not counted."""

from __future__ import annotations

_TIMING_DEPENDENT = frozenset(
    {
        # The development server reads what is left of a request into 10 MB, if the client closes the
        # connection within 10 ms; as of werkzeug 3.1.
        ("werkzeug/serving.py", "execute"),
    }
)
"""File and function that allocate it themselves, and not by what they call."""

FILES = frozenset(file for file, _function in _TIMING_DEPENDENT)


def is_timing_dependent(file: str, function: str) -> bool:
    """Say whether it depends on timing that a function of a library allocates.

    >>> is_timing_dependent("werkzeug/serving.py", "execute")
    True
    """
    return (file, function) in _TIMING_DEPENDENT
