"""How a leak check can end without a finding."""

from __future__ import annotations

from pytest_memguard.errors import MemguardError


class BodyFailedError(MemguardError):
    """A body that cannot be repeated: `original` is what its call number `call` raised."""

    slug = "body-not-repeatable"

    def __init__(self, original: BaseException, call: int) -> None:
        text = f"{type(original).__name__}: {original}".rstrip(": ")
        super().__init__(f"call {call} of the body failed: {text.splitlines()[0]}")
        self.original = original
        self.call = call
