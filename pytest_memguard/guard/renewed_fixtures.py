"""Sets function-scoped fixtures up again while a body is repeated: what is freed with them is not a leak."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from pytest_memguard.core.leak_finding import LeakFinding
from pytest_memguard.guard.kept_loops import KeptLoops
from pytest_memguard.guard.rerun import CannotRunAgainError, Rerunner

Body = Callable[[], object]


class Renewals:
    """Renewals of one item; fixtures of a class, a module or the session stay, and so do event loops.

    `make_body` returns a call of the body with the fixtures that the item has then, `opened` what makes
    `at_once` calls of it. `drop` drops what the body printed or logged. Nobody else may keep the body:
    it holds the fixtures. `is_broken` says that the fixtures are gone and could not be set up again.
    """

    def __init__(
        self,
        rerunner: Rerunner,
        make_body: Callable[[], Body],
        opened: Callable[[Body], AbstractContextManager[Body]],
        *,
        drop: Callable[[], None],
        at_once: int = 1,
    ) -> None:
        self._rerunner = rerunner
        self._loops = KeptLoops(rerunner.item)
        self._make_body = make_body
        self._opened = opened
        self._body: Body | None = None
        self._drop = drop
        self._at_once = at_once
        self._is_set_up = True
        self.is_broken = False

    def staying(self) -> AbstractContextManager[Body]:
        """Open what calls the body with the fixtures that the item has."""
        if not self._is_set_up:
            self._set_up()
        if self._body is None:
            self._body = self._make_body()
        return self._opened(self._body)

    @contextmanager
    def calling(self) -> Iterator[Body]:
        """Set the item up, yield what calls its body, and tear the item down."""
        self._set_up()
        try:
            with self.staying() as body:
                yield body
        finally:
            self._tear_down()
            self._drop()

    def renew(self) -> None:
        """Set the fixtures up again; raises `CannotRunAgainError`."""
        self._set_up()

    def renew_if_possible(self) -> None:
        """Set the fixtures up again; where that fails they are gone, and `is_broken` says so."""
        gc.unfreeze()  # else the collector does not see a fixture that refers to itself, and keeps it
        try:
            self._set_up()
        except CannotRunAgainError:
            self.is_broken = True

    def _set_up(self) -> None:
        if self._is_set_up:
            self._tear_down()
        self._loops.set_up(self._rerunner.set_up)
        self._is_set_up = True
        self._drop()

    def _tear_down(self) -> None:
        self._is_set_up = False
        self._body = None
        self._loops.tear_down(self._rerunner.tear_down)
        self._rerunner.let_go()

    def close(self) -> None:
        """Leave the item set up, as pytest expects to find it; where that fails it is left torn down."""
        if not self._is_set_up:
            with suppress(CannotRunAgainError):
                self._set_up()

    def across(self, finding: LeakFinding, *, ceiling_bytes: int) -> LeakFinding:
        """Judge a leak across renewals, if one renewal shows that a part of it is freed with the fixtures.

        Returns the finding itself where it stands. A finding of fixtures that cannot be set up again
        stands too, and says so.
        """
        from pytest_memguard.leaks.across_renewals import (  # noqa: PLC0415 - only leak checks load psutil
            judged_across,
            read_across,
            step_across,
            without_renewals,
        )

        try:
            if not self._frees(finding):
                return finding
            step = step_across(finding, ceiling_bytes=ceiling_bytes)
            windows = read_across(self.calling, finding, step=step, at_once=self._at_once)
        except CannotRunAgainError as error:
            self.is_broken = True
            note = f"it is not known whether the memory is freed with its fixtures: {error}"
            return finding.with_note(note)
        return judged_across(finding, without_renewals(windows))

    def _frees(self, finding: LeakFinding) -> bool:
        """Say whether one renewal frees a part of what has piled up."""
        from pytest_memguard.leaks.across_renewals import is_freed  # noqa: PLC0415 - only leak checks load psutil
        from pytest_memguard.leaks.readings import Readings  # noqa: PLC0415 - only leak checks load psutil

        gc.unfreeze()  # else the collector does not see a fixture that refers to itself, and keeps it
        readings = Readings()
        try:
            readings.take(0)
            self._set_up()
            readings.take(0)
            before, after = readings.windows()
        finally:
            readings.close()
        return is_freed(finding, before, after)
