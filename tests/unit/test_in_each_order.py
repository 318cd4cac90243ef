"""Executing a test in each of its orders, one of which may fail."""

from __future__ import annotations

import pytest

from pytest_memguard.core.sample import Sample
from pytest_memguard.guard.confirming import Execution
from pytest_memguard.guard.in_each_order import FailedElsewhereError, InEachOrder, needs_most


@pytest.mark.parametrize("error", [KeyError("k"), FailedElsewhereError("a long report", "KeyError: 'k'")])
def test_an_order_that_fails_is_tried_no_more_and_its_error_kept(error: Exception) -> None:
    tried = []

    def execute(order: int) -> Execution:
        tried.append(order)
        if order == 2:
            raise error
        return {"test": Sample(metrics={"peak": 100 + order}, order=order)}

    in_each_order = InEachOrder((0, 1, 2, 3))
    largest = [in_each_order.execute(execute)["test"] for _ in range(2)]
    assert tried == [0, 1, 2, 0, 1]
    assert in_each_order.failed == (2, error)
    assert [(sample.peak_bytes, sample.order) for sample in largest] == [(101, 1)] * 2
    assert in_each_order.notes == (
        "in order 2 it fails with KeyError: 'k'; play it again with --memguard-order=2",
    )
    assert needs_most(largest) == ("order 1 needs the most; play it again with --memguard-order=1",)
