"""An untrusted JSON value together with the place it came from."""

from __future__ import annotations

import datetime as dt
import re

from pytest_memguard.core.errors import ResultsError

LONGEST_TEXT = 20_000
"""Characters of one id or sentence; pytest's own ids stay far below."""

LONGEST_SHOWN = 60
LARGEST_NUMBER = 2**63 - 1
_MISSING = object()


class Part:
    """A JSON value and its place, for messages such as `tests[3].metrics.peak is -1`."""

    __slots__ = ("_above", "_name", "value")

    def __init__(self, value: object, name: str | int, above: Part | None = None) -> None:
        self.value = value
        self._name = name
        self._above = above

    @property
    def place(self) -> str:
        """The path from the top of the file; spelled out only when a message needs it."""
        above = self._above.place if self._above else ""
        if isinstance(self._name, int):
            return f"{above}[{self._name}]"
        return f"{above}.{self._name}" if above else self._name

    def wrong(self, accepted: str) -> ResultsError:
        """Say what was found here and what is accepted."""
        shown = "missing" if self.value is _MISSING else ascii(self.value)
        shown = shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}..."
        return ResultsError(f"{self.place or 'the file'} is {shown}; accepted is {accepted}")

    def fields(self) -> dict[str, object]:
        """Return the members of a JSON object."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return self.value

    def field(self, name: str, default: object = _MISSING) -> Part:
        """Return a member of a JSON object."""
        value = self.value
        if not isinstance(value, dict):
            raise self.wrong("an object")
        return Part(value.get(name, default), name, self)

    def elements(self) -> list[Part]:
        """Return the elements of a JSON array."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Part(value, number, self) for number, value in enumerate(self.value)]

    def text(self) -> str:
        """Return a text that is not too long and can be written as UTF-8."""
        if not isinstance(self.value, str) or len(self.value) > LONGEST_TEXT:
            raise self.wrong(f"a text of up to {LONGEST_TEXT:,} characters")
        if not self.value.isascii():
            try:
                self.value.encode("utf-8")
            except UnicodeEncodeError:
                raise self.wrong("text that UTF-8 can encode") from None
        return self.value

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def signed(self) -> int:
        """Return a whole number of 64 bits."""
        if type(self.value) is not int or not -LARGEST_NUMBER <= self.value <= LARGEST_NUMBER:
            raise self.wrong("a whole number of at most 64 bits")
        return self.value

    def count(self) -> int:
        """Return a whole number of 63 bits that is not negative."""
        if type(self.value) is not int or not 0 <= self.value <= LARGEST_NUMBER:
            raise self.wrong("a whole number that is not negative, of at most 63 bits")
        return self.value

    def day(self) -> dt.date:
        """Return a day such as `2027-01-31`."""
        try:
            return dt.date.fromisoformat(self.text())
        except ValueError:
            raise self.wrong("a day such as '2027-01-31'") from None

    def number(self) -> float:
        """Return a number of no more than 63 bits."""
        value = self.value
        if type(value) not in (int, float) or not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:  # type: ignore[operator]  # checked by type()
            raise self.wrong("a finite number of at most 63 bits")
        return float(value)  # type: ignore[arg-type]  # checked by type()

    def path(self) -> str:
        """Return a path inside the project."""
        text = self.text()
        if text != safe_file(text):
            raise self.wrong("a path relative to the project, without '..'")
        return text


_DRIVE = re.compile(r"^[A-Za-z]:")


def safe_file(file: str) -> str:
    """Return a file name as the results keep it: never absolute, and never leading upwards.

    >>> safe_file("/usr/src/x.c"), safe_file("../lib/y.py"), safe_file("shop/cache.py")
    ('usr/src/x.c', 'lib/y.py', 'shop/cache.py')
    """
    parts = _DRIVE.sub("", file.replace("\\", "/")).split("/")
    return utf8("/".join(part for part in parts if part not in ("", ".", ".."))) or "?"


def utf8(text: str) -> str:
    """Spell out what UTF-8 cannot hold: bytes of a file name that could not be decoded."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
