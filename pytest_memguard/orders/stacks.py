"""Writes the stacks of the threads of this process."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Collection, Mapping
from pathlib import Path
from types import FrameType

_OWN_FILES = f"{Path(__file__).parent}{os.sep}"
_CALLS_THE_BODY = str(Path(__file__).with_name("threads.py"))
_SHOWN_FRAMES = 30


def stacks_of_threads(without: Collection[int | None] = ()) -> str:
    """Write the stack of every thread of this process, except for some, given by identifier."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames: Mapping[int, FrameType] = sys._current_frames()  # noqa: SLF001 - the documented way to another thread's stack
    parts = []
    for ident, frame in sorted(frames.items(), key=lambda entry: names.get(entry[0], "")):
        if ident not in without:
            stack = traceback.extract_stack(frame)
            start = max(
                (at for at, entry in enumerate(stack, 1) if entry.filename == _CALLS_THE_BODY), default=0
            )
            shown = [entry for entry in stack[start:] if not entry.filename.startswith(_OWN_FILES)]
            text = "".join(traceback.format_list(shown[-_SHOWN_FRAMES:]))
            parts.append(f"--- {names.get(ident, ident)}\n{text}")
    return "\n".join(parts)
