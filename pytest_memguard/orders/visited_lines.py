"""Records the lines that threads come to: how often, in which sequence, and where they stand together."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from types import CodeType

from pytest_memguard.orders.places import NOWHERE, RETURN, Place, is_within, line_of

EVERY_VISIT = 8
"""A thread offers its turn at each of its first eight visits of a line, then at each doubling of visits."""

SELDOM_VISITS = 4_096
"""It also offers its turn at every 4,096th visit, since a loop may wait for what another thread does."""

IDLE_LOOKS = 64
"""After so many looks for other threads at one line, all in vain, further ones are made rarely."""

Passage = tuple[int, int, int]
"""A code object, the line that a thread has passed, and the place that it comes to."""


class Counts:
    """Counts the visits of numbered places, and says at which of them something is due.

    `next_due` returns the first count after another one at which it is. In between, a visit makes no
    integer: what is left until then is a byte, and CPython has made the small integers at its start. A meter
    would charge each integer to the line that is visited, and reading its records takes long.
    """

    __slots__ = ("_left", "_next_due", "_until")

    def __init__(self, next_due: Callable[[int], int]) -> None:
        self._next_due = next_due
        self._left = bytearray()  # visits that are let through before the next look
        self._until = array("Q")  # the count when none of them is left

    def add(self, count: int) -> None:
        """Begin to count at one more place."""
        self._left.append(0)
        self._until.append(count)

    def visit(self, number: int) -> bool:
        """Count a visit; say whether something is due at it."""
        left = self._left[number]
        if left:
            self._left[number] = left - 1
            return False
        count = self._until[number] + 1
        left = min(self._next_due(count) - count - 1, _MOST_LEFT)
        self._left[number] = left
        self._until[number] = count + left
        return self._next_due(count - 1) == count

    def __getitem__(self, number: int) -> int:
        """Return the count of a place."""
        return self._until[number] - self._left[number]

    def forget(self) -> None:
        """Count from zero again, at every place."""
        for number in range(len(self._left)):
            self._left[number] = self._until[number] = 0


_MOST_LEFT = 255
"""What a byte holds."""


def _next_offer(visits: int) -> int:
    if visits < EVERY_VISIT:
        return visits + 1
    return min(1 << visits.bit_length(), (visits // SELDOM_VISITS + 1) * SELDOM_VISITS)


def _next_look(looks: int) -> int:
    return looks + 1 if looks < IDLE_LOOKS else 1 << looks.bit_length()


class Path:
    """The places that one thread came to in one call, in the order of its first visits.

    All that it keeps is allocated in `arrives`, where a meter sees who calls. `comes_to` is called where a
    meter would charge new memory to the program, so it keeps nothing. It makes no tuple either, since the
    interpreter would keep that for reuse.
    """

    __slots__ = (
        "_at",
        "_code",
        "_codes",
        "_in_code",
        "_last",
        "_length",
        "_looks",
        "_numbers",
        "_visits",
        "passage",
    )

    def __init__(self) -> None:
        self._numbers: dict[int, dict[int, int]] = {}  # by code object, then by line
        self._length = 0
        self._visits = Counts(_next_offer)
        self._looks = Counts(_next_look)
        self._code: CodeType | None = None  # the last one, whose places are at hand without its identity
        self._in_code: dict[int, int] = {}
        self._at = 0
        self._last: dict[int, int] = {}
        self._codes: dict[int, CodeType] = {}  # held, or another one could have the same identity
        self.passage: Passage = (0, NOWHERE, NOWHERE)

    def comes_to(self, code: CodeType, line: int) -> bool:
        """Count a visit of a place, and say whether the thread offers its turn at it."""
        if code is not self._code:
            numbers = self._numbers.get(id(code))
            if numbers is None:
                return True
            self._code, self._in_code = code, numbers
        number = self._in_code.get(line)
        if number is None:
            return True
        self._at = number
        return self._visits.visit(number)

    def arrives(self, code: CodeType, line: int) -> None:
        """Record that the thread came to a place; `comes_to` has counted the visit unless it is the first."""
        code_id = id(code)
        numbers = self._numbers.setdefault(code_id, {})
        if line not in numbers:
            numbers[line] = self._length
            self._length += 1
            self._visits.add(1)
            self._looks.add(0)
            self._codes[code_id] = code
        self.passage = (code_id, self._last.get(code_id, NOWHERE), line)
        if not is_within(line):
            self._last[code_id] = line

    def is_in(self, passage: Passage) -> bool:
        """Say whether the thread came to the line that a passage begins with, and nowhere since."""
        code_id, after, _ = passage
        return self.passage[0] == code_id and self._last.get(code_id) == after

    def is_looked_at_in_vain(self) -> bool:
        """Count a look for other threads at the place of the last `comes_to`; say whether to leave it out."""
        return not self._looks.visit(self._at)

    def forget_looks(self) -> None:
        """Count the looks from zero again, at every place."""
        self._looks.forget()

    def _number(self, code_id: int, line: int) -> int | None:
        return self._numbers.get(code_id, {}).get(line)

    def offers(self, place: Place) -> bool:
        """Say whether the thread offers its turn at its last visit of a place."""
        code_id, line = place
        visits = self._visits[self._numbers[code_id][line]]
        return _next_offer(visits - 1) == visits

    def is_far_in_a_loop(self, place: Place) -> bool:
        """Say whether the number of visits of a place is a multiple of `SELDOM_VISITS`."""
        code_id, line = place
        return self._visits[self._numbers[code_id][line]] % SELDOM_VISITS == 0

    def code(self, code_id: int) -> CodeType | None:
        """Return a code object by its identity, if the thread came to it."""
        return self._codes.get(code_id)

    def places_before(self, passage: Passage, places: Iterable[Place]) -> int | None:
        """Return how many places the thread came to in a passage before it first came to one of `places`.

        None if it came to none of them within the passage.
        """
        code_id, after, before = passage
        begin, end = self._number(code_id, after), self._number(code_id, before)
        if begin is None or end is None:
            return None
        numbers = (self._number(*place) for place in places)
        return min(
            (number - begin for number in numbers if number is not None and begin <= number < end),
            default=None,
        )

    def places_since(self, passage: Passage, places: Iterable[Place]) -> int | None:
        """Return how many places the thread came to from the first visit of one of `places` to a passage.

        None if it came to none of them before the passage.
        """
        code_id, after, _ = passage
        begin = self._number(code_id, after)
        if begin is None:
            return None
        numbers = (self._number(*place) for place in places)
        return min(
            (begin - number for number in numbers if number is not None and number < begin), default=None
        )

    def places_at(self, line: int) -> Iterator[tuple[CodeType, Place]]:
        """Yield the places of every code object that have that line."""
        for code_id, numbers in self._numbers.items():
            if line in numbers:
                yield self._codes[code_id], (code_id, line)


class Meetings:
    """The largest number of threads that stood in each passage at once."""

    __slots__ = ("_most", "_now")

    def __init__(self) -> None:
        self._now: Counter[Passage] = Counter()
        self._most: dict[Passage, int] = {}

    def stands(self, passage: Passage, others: int = 0) -> None:
        """Count a thread that stands in a passage until it `leaves` it, beside others that are there now."""
        self._now[passage] += 1
        if self._now[passage] + others > self._most.get(passage, 1):
            self._most[passage] = self._now[passage] + others

    def leaves(self, passage: Passage | None) -> None:
        """Stop counting a thread that goes on."""
        if passage is not None:
            self._now[passage] -= 1

    def most(self) -> Iterator[tuple[Passage, int]]:
        """Yield each passage where threads stood together, and how many did."""
        return (entry for entry in self._most.items() if entry[0][1] not in (NOWHERE, RETURN))


@dataclass(frozen=True, slots=True)
class Together:
    """How many threads stood in a function at once, past one line and before another, or its RETURN.

    They stood within one line where both are the same.
    """

    threads: int
    code: CodeType
    after: int
    before: int


def together_with(
    is_file: Callable[[str], bool], line: int, paths: Iterable[Path], meetings: Meetings, *, at_most: int
) -> Together | None:
    """Return where most threads stood together after they had come to a line of a file.

    Of several such places it is the one that precedes the line most closely. It is a place within a line only
    if they came to no further line together. Where they came to the line one after another, it is where they
    stood together afterwards: in a lock that each waits for, for example, with what it has made. It is the
    return of a function only if they stood together nowhere else.
    """
    passing = [
        (path, places)
        for path in paths
        if (places := [place for code, place in path.places_at(line) if is_file(code.co_filename)])
    ]
    found = [
        ((*rank, is_since, *finer), together)
        for is_since, distance in enumerate((Path.places_before, Path.places_since))
        for rank, finer, together in _stood(passing, meetings, distance, at_most=at_most)
    ]
    return min(found, key=itemgetter(0))[1] if found else None


def _stood(
    passing: Iterable[tuple[Path, list[Place]]],
    meetings: Meetings,
    distance: Callable[[Path, Passage, list[Place]], int | None],
    *,
    at_most: int,
) -> Iterator[tuple[tuple[int, bool], tuple[bool, int], Together]]:
    """Yield where threads stood together, each behind the two parts of its rank; the lowest is best."""
    for passage, stood in meetings.most():
        code_id, after, before = passage
        through = [
            (path, apart)
            for path, places in passing
            if (apart := distance(path, passage, places)) is not None
        ]
        threads = min(stood, len(through), at_most)
        code = through[0][0].code(code_id) if through else None
        if threads > 1 and code is not None:
            together = Together(threads, code, after, line_of(code, before))
            yield (-threads, before == RETURN), (is_within(before), through[0][1]), together
