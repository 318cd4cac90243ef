"""Who allocates, as a tree of callers and callees: what each held before and holds now."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class FlameNode:
    """A function under its caller, with all that was allocated below it.

    `file` is named as in reports. `before_bytes` is of the earlier capture, where there is one.
    """

    function: str
    file: str
    before_bytes: int = 0
    after_bytes: int = 0
    children: dict[tuple[str, str], FlameNode] = field(default_factory=dict)

    def child(self, function: str, file: str) -> FlameNode:
        """Return the node of a callee, made if it is not there."""
        known = self.children.get((function, file))
        if known is None:
            known = self.children[function, file] = FlameNode(function, file)
        return known
