"""Names the function that a line is in, for a meter that knows only lines."""

from __future__ import annotations

import tokenize
import warnings
from collections.abc import Iterator
from types import CodeType


def functions_of(file: str) -> dict[int, str]:
    """Return the function of each line of a source file; none where it cannot be read.

    A line that several share, as one with a lambda does, is the outer one's.
    """
    try:
        with tokenize.open(file) as source, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were given when it was imported
            code = compile(source.read(), file, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError, UnicodeDecodeError):
        return {}
    found: dict[int, str] = {}
    for inner in _with_inner(code):
        for _, _, line in inner.co_lines():
            if line:
                found.setdefault(line, inner.co_name)
    return found


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant)
