"""A key pressed, or a test that raises KeyboardInterrupt itself: they need different ends."""

from __future__ import annotations

import dis

_RAISING = {dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE") if name in dis.opmap}


def is_interrupt_from_outside(error: BaseException) -> bool:
    """Say whether an error is Ctrl-C: no `raise` statement ends its innermost frame."""
    if not isinstance(error, KeyboardInterrupt):
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is None or trace.tb_frame.f_code.co_code[trace.tb_lasti] not in _RAISING
