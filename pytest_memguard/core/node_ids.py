"""Node ids of pytest: the module, and the name within it; ids of regions."""

from __future__ import annotations

REGION = "::"
"""What stands between the id of a test and the name of a region of it."""


def split_id(test_id: str) -> tuple[str, str]:
    """Split a node id at its first `::` into the module and the key of its entry."""
    module, _, key = test_id.partition("::")
    return module, key


def join_id(module: str, key: str) -> str:
    """Return the node id of an entry: the reverse of `split_id`."""
    return f"{module}::{key}" if key else module


def region_of(result_id: str, test_id: str) -> str:
    """Return the name of the region that a result is about; empty if it is about the whole test.

    >>> region_of("t.py::test_a::load", "t.py::test_a"), region_of("t.py::test_a", "t.py::test_a")
    ('load', '')
    """
    return result_id[len(test_id) :].removeprefix(REGION)


def without_region(result_id: str) -> str:
    """Return the id of the test, if an id is that of a region; else it is cut as well.

    >>> without_region("t.py::test_a::load")
    't.py::test_a'
    """
    return result_id.rpartition(REGION)[0]


def without_case(test_id: str) -> str:
    """Return the id of a test without the parameters of its case.

    >>> without_case("t.py::TestA::test_a[1-[2]]")
    't.py::TestA::test_a'
    """
    module, key = split_id(test_id)
    return join_id(module, key.partition("[")[0])
