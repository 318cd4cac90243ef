"""Runs test code for a step: shows its output, ignores commands in it, and hides the runner's files."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_memguard.github.commands import commands_stopped

_HIDDEN = frozenset(
    {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "GITHUB_ENV",
        "GITHUB_OUTPUT",
        "GITHUB_PATH",
        "GITHUB_STATE",
        "GITHUB_STEP_SUMMARY",
    }
)
"""The runner's own files and tokens: what test code writes there would count as the step's."""

_AFTERWARDS_SECONDS = 2.0
_CHUNK = 65_536


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for test code: without the runner's files and the action's inputs."""
    return {
        name: value
        for name, value in environ.items()
        if name not in _HIDDEN and not name.startswith(("MG_", "INPUT_"))
    }


def run_child(command: Sequence[str], *, folder: Path, environ: Mapping[str, str]) -> int:
    """Run a command, relay its output between stop-commands, and return its exit code.

    Later output of a process that the tests left behind is not relayed, since commands are obeyed
    again by then.
    """
    with commands_stopped():
        reading, writing = os.pipe()
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=child_environment(environ),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.STDOUT,
        )
        os.close(writing)
        relay = _Relay(reading)
        exit_code = process.wait()
        relay.finish()
    return exit_code if exit_code >= 0 else 128 - exit_code


class _Relay:
    """Copies a pipe to standard output in the background, until it is told to stop."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._open = True
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait a moment for what is still in the pipe, then show nothing more."""
        self._thread.join(_AFTERWARDS_SECONDS)
        with self._lock:
            self._open = False

    def _copy(self) -> None:
        while chunk := os.read(self._pipe, _CHUNK):
            with self._lock:
                if not self._open:
                    return
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
