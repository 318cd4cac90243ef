"""The page of a differential flame graph: which functions allocate, and how much more or less than before."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_memguard.core.flames import FlameNode
from pytest_memguard.core.units import format_growth
from pytest_memguard.reports.html.content import name
from pytest_memguard.reports.html.document import document

_LEAST_SHARE = 1 / 2000
"""Parts below this share of the width are narrower than a pixel on every screen, and are left out."""

_MOST_NODES = 20_000
_CHANGED = 12


def flame_page(root: FlameNode, *, test_id: str, before: str, shows: str) -> str:
    """Return the page of a tree; `before` says what it is compared with, `shows` what its bytes count."""
    data = {
        "test": name(test_id),
        "before": before,
        "shows": shows,
        "tree": _tree(root),
        "changed": [
            {"function": name(node.function), "file": name(node.file), "growth": format_growth(by), "by": by}
            for node, by in _changed(root)
        ],
    }
    return document(
        "flame.html",
        styles=("page.css", "flame.css"),
        scripts=("words.js", "flame.js"),
        data=data,
        test=name(test_id),
    )


def _tree(root: FlameNode) -> list[object]:
    """Return `[function, file, before, after, children]`, without parts that are too narrow to see."""
    least = max(root.before_bytes, root.after_bytes) * _LEAST_SHARE
    top: list[object] = _values(root)
    waiting = [(root, top)]
    left = _MOST_NODES
    while waiting:
        node, values = waiting.pop(0)
        for child in _largest_first(node.children.values()):
            if left and max(child.before_bytes, child.after_bytes) >= least:
                left -= 1
                below = _values(child)
                children = values[4]
                assert isinstance(children, list)  # noqa: S101 - as _values made it
                children.append(below)
                waiting.append((child, below))
    return top


def _values(node: FlameNode) -> list[object]:
    return [name(node.function), name(node.file), node.before_bytes, node.after_bytes, []]


def _largest_first(nodes: Iterable[FlameNode]) -> list[FlameNode]:
    return sorted(
        nodes, key=lambda node: (-max(node.before_bytes, node.after_bytes), node.function, node.file)
    )


def _changed(root: FlameNode) -> list[tuple[FlameNode, int]]:
    """Return the functions whose own allocations changed most, and by how much."""
    own: dict[tuple[str, str], tuple[FlameNode, int]] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        waiting.extend(node.children.values())
        below = sum(child.after_bytes - child.before_bytes for child in node.children.values())
        by = node.after_bytes - node.before_bytes - below
        key = (node.function, node.file)
        own[key] = (node, by + (own[key][1] if key in own else 0))
    changed = [(node, by) for node, by in own.values() if by]
    return sorted(changed, key=lambda one: (-abs(one[1]), one[0].file, one[0].function))[:_CHANGED]
