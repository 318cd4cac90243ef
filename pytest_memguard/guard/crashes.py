"""Names the signal that ended a process, and keeps the end of its output."""

from __future__ import annotations

import signal

_KEPT_LINES = 15


def last_words(output: str) -> str:
    """Return the end of what an interpreter said: from its fatal error on, if it named one."""
    fatal = output.rfind("Fatal Python error")
    lines = output[fatal:].splitlines()[:_KEPT_LINES] if fatal >= 0 else output.splitlines()[-_KEPT_LINES:]
    return "\n".join(lines)


def signal_name(number: int) -> str:
    """Return the name of a signal, or its number if it has no name on this system."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
