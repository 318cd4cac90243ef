"""Finds the steps of a line: the instructions at which another thread may run before the line has ended."""

from __future__ import annotations

import dis
import weakref
from collections.abc import Iterator
from types import CodeType

_HARMLESS = (
    *("CACHE", "COMPARE_OP", "CONTAINS_OP", "COPY", "DUP_TOP", "END_", "EXTENDED_ARG", "IS_OP", "JUMP"),
    *("KW_NAMES", "LOAD_ASSERTION_ERROR", "LOAD_CONST", "LOAD_FAST", "LOAD_SMALL_INT", "NOP", "NOT_TAKEN"),
    *("POP_", "PRECALL", "PUSH_NULL", "RERAISE", "RESUME", "RETURN_", "ROT_", "STORE_FAST", "SWAP"),
    *("TO_BOOL", "UNARY_NOT"),
)
"""How the names begin of instructions that neither store where other threads look nor make anything.

All others may, and so may those of later versions that are not known here.
"""

_Line = list[dis.Instruction]


class Steps(dict[int, frozenset[int]]):
    """The steps of each code object, by its identity, for as long as it lives."""

    def __init__(self) -> None:
        super().__init__()
        self._alive: dict[int, weakref.ref[CodeType]] = {}

    def learn(self, code: CodeType) -> None:
        """Find the steps of a code object."""
        code_id = id(code)

        def forget(_: object) -> None:
            del self[code_id], self._alive[code_id]

        if code_id not in self:
            self._alive[code_id] = weakref.ref(code, forget)
            self[code_id] = steps_of(code)


def steps_of(code: CodeType) -> frozenset[int]:
    """Return the offsets of the instructions that follow a call, if their line does more than keep it.

    The interpreter itself switches threads there: between `CACHE.get(key)` and `or json.loads(text)`, and
    between the call and `CACHE[key] =`. Nothing but the next line follows `value = load()`.
    """
    return frozenset(step for line in _lines(code) for step in _steps_of_line(line))


def _lines(code: CodeType) -> Iterator[_Line]:
    """Yield the instructions of each line; those of a line that is left and come back to apart."""
    lines = {start: line for start, _, line in code.co_lines()}
    current: int | None = None
    instructions: _Line = []
    for instruction in dis.get_instructions(code):
        line = lines.get(instruction.offset, current)
        if line != current and instructions:
            yield instructions
            instructions = []
        current = line
        instructions.append(instruction)
    yield instructions


def _steps_of_line(line: _Line) -> Iterator[int]:
    last = max((at for at, one in enumerate(line) if not one.opname.startswith(_HARMLESS)), default=0)
    is_behind = False
    for instruction in line[: last + 1]:
        if is_behind:
            yield instruction.offset
        is_prefix = instruction.opname == "EXTENDED_ARG"  # an event may be at it, or at what it belongs to
        is_behind = instruction.opname.startswith("CALL") or (is_behind and is_prefix)


STEPS = Steps()
"""Known for the whole process, since finding them takes longer than a short test."""
