"""What is asked before this process ends by a call that pytest does not notice."""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import threading
import time
import types
from collections.abc import Callable

import pytest

from pytest_memguard.run.process_end import asking_first


def test_only_the_process_itself_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    real, elsewhere = os._exit, types.ModuleType("elsewhere")
    vars(elsewhere).update(_exit=real)
    monkeypatch.setitem(sys.modules, "elsewhere", elsewhere)
    asked: list[tuple[int, str]] = []

    def code_of(code: int, how: str) -> int:
        asked.append((code, how))
        raise InterruptedError

    with asking_first(code_of):
        assert vars(elsewhere)["_exit"] is os._exit is not real
        assert pickle.loads(pickle.dumps(os._exit)) is os._exit
        ends: list[Callable[[], object]] = [
            lambda: os._exit(0),
            lambda: os._exit(status=3),
            lambda: os.execl("x", "x"),
        ]
        for end in ends:
            with pytest.raises(InterruptedError):
                end()
        child = os.fork()
        if child == 0:
            os._exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    assert asked == [(0, "os._exit"), (3, "os._exit"), (0, "os.execv")]
    assert vars(elsewhere)["_exit"] is os._exit is real


def test_threads_ask_one_at_a_time() -> None:
    inside, most = 0, 0
    start = threading.Barrier(3)

    def code_of(_code: int, _how: str) -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.01)
        inside -= 1
        raise InterruptedError

    def end() -> None:
        start.wait()
        with contextlib.suppress(InterruptedError):
            os._exit(0)

    with asking_first(code_of):
        threads = [threading.Thread(target=end) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == 1
