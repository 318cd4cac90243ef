"""Executes a test in each of its orders of turns; the order that needed the most counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_memguard.core.errors import described
from pytest_memguard.core.sample import Sample, largest
from pytest_memguard.guard.confirming import Execution, NotConfirmedError
from pytest_memguard.guard.silenced import let_go


class FailedElsewhereError(NotConfirmedError):
    """A test that failed in an interpreter of its own; the text is what pytest reported there."""

    def __init__(self, report: str, error: str) -> None:
        super().__init__(report)
        self.error = error
        """The error of the test, in one line."""


class InEachOrder:
    """Executes a test in each of several orders, and holds back an error that only a further one shows.

    Growth has a line and a holder, which say more of a race than the error that it leads to. So the error is
    to be raised where the memory does not fail the test. A deadlock is none of these.
    """

    def __init__(self, orders: tuple[int, ...]) -> None:
        self.orders = orders
        self.failed: tuple[int, Exception] | None = None
        self._notes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not tried, and what failed; each is said once."""
        return tuple(dict.fromkeys(self._notes))

    def execute(self, execute_in: Callable[[int], Execution]) -> Execution:
        """Execute it in each order; an order in which it failed is tried no more."""
        first, *more = self.orders
        execution = execute_in(first)
        for order in more if execution else ():
            try:
                again = execute_in(order)
            except FailedElsewhereError as error:
                self._hold_back(order, error, error.error)
                break
            except NotConfirmedError as error:
                self._notes += (f"order {order} was not tried: {error}",)
                break
            except Exception as error:  # noqa: BLE001 - of the test: its memory is judged first
                self._hold_back(order, error, described(error))
                break
            execution = {name: largest(sample, again[name]) for name, sample in execution.items()}
        return execution

    def _hold_back(self, order: int, error: Exception, words: str) -> None:
        let_go(error)
        self.failed = order, error
        self.orders = self.orders[: self.orders.index(order)]
        self._notes += (f"in order {order} it fails with {words}; {play_again(order)}",)


def needs_most(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Name the order that the lowest peak rests on, unless it is the usual one."""
    order = min((sample.peak_bytes, sample.order) for sample in samples)[1] if samples else 0
    return (f"order {order} needs the most; {play_again(order)}",) if order else ()


def only_first_order_checked(error: BaseException) -> str:
    """Say that the calls of a leak check fail in turns of several orders, so that it made them in one."""
    return f"its calls fail in turns of several orders with {described(error)}; order 0 was checked"


def play_again(order: int) -> str:
    """Say how to repeat one order."""
    return f"play it again with --memguard-order={order}"
