"""Fixtures that pile up what a body does until the test ends; a repetition leaves them as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from copy import copy
from typing import Any

_KEPT_TO_UNDO: Mapping[str, object] = {"_setattr": [], "_setitem": [], "_cwd": None, "_savesyspath": None}
"""What pytest's `monkeypatch` keeps to undo, and what it begins with."""


def leaving_fixtures(body: Callable[[], object], fixtures: Mapping[str, object]) -> Callable[[], object]:
    """Return a call of `body` after which its fixtures hold no more than before.

    A patch that a test makes is undone when it ends. Repeated, its undoing would pile up: that is
    no memory which the program under test does not let go.
    """
    used = [(_LEAVING[name], fixture) for name, fixture in fixtures.items() if name in _LEAVING]
    return _Left(body, used) if used else body


class _Left:
    """A call that leaves fixtures alone; a class, which the search for holders knows for one of ours."""

    __slots__ = ("__wrapped__", "_used")

    def __init__(
        self,
        body: Callable[[], object],
        used: Sequence[tuple[Callable[[Any], AbstractContextManager[None]], object]],
    ) -> None:
        self.__wrapped__ = body  # whose line is named where nothing finer is known
        self._used = used

    def __call__(self) -> None:
        with ExitStack() as stack:
            for leaving, fixture in self._used:
                stack.enter_context(leaving(fixture))
            self.__wrapped__()


@contextmanager
def _monkeypatch(patch: Any) -> Iterator[None]:
    """Undo what the block patches, and nothing that was patched before it."""
    saved = {name: getattr(patch, name) for name in _KEPT_TO_UNDO}
    for name, beginning in _KEPT_TO_UNDO.items():
        setattr(patch, name, copy(beginning))
    try:
        yield
    finally:
        patch.undo()
        for name, value in saved.items():
            setattr(patch, name, value)


@contextmanager
def _mocker(mocker: Any) -> Iterator[None]:
    """Stop what the block mocks by pytest-mock, and nothing that was mocked before it."""
    mocks = mocker._mock_cache  # noqa: SLF001 - `stopall` would stop what the test's fixtures mock too
    saved, mocks.cache = mocks.cache, []
    try:
        yield
    finally:
        mocker.stopall()
        mocks.cache = saved


@contextmanager
def _dropping(drop: Callable[[], object]) -> Iterator[None]:
    """Call what drops that which the block left in a fixture."""
    try:
        yield
    finally:
        drop()


_LEAVING: Mapping[str, Callable[[Any], AbstractContextManager[None]]] = {
    "monkeypatch": _monkeypatch,
    "mocker": _mocker,
    "recwarn": lambda recorder: _dropping(recorder.clear),
    **dict.fromkeys(
        ("capsys", "capfd", "capsysbinary", "capfdbinary"), lambda capture: _dropping(capture.readouterr)
    ),
}
