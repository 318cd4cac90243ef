"""Places that allocate, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """A place in source that allocates.

    `file` is relative to the project for its own files, and starts at the package for
    installed ones (`json/decoder.py`).
    """

    file: str
    line: int
    function: str

    @property
    def at(self) -> str:
        """The name that survives edits elsewhere in the file, as baselines store it."""
        return f"{self.file}:{self.function}"


@dataclass(frozen=True, slots=True)
class Meeting:
    """Threads that stood between two lines of one function at once, and what each had allocated.

    They had come past `after`. `before_line` is 0 where they were about to return, and the line of `after`
    where they stood within it. If they `are_tasks`, they waited at `after`, and what each had allocated
    is not known.
    """

    threads: int
    each_bytes: int
    after: Site
    before_line: int
    are_tasks: bool = False


@dataclass(frozen=True, slots=True)
class SiteBytes:
    """What one site held at the peak, and still held when the sample had ended.

    `inner` is the library's own place, where the site called into a package that allocated. One that
    `is_inner` is such a place by itself: its bytes are in those of the sites that call it, too. `threads`
    is how many threads had made what it held at the peak; `met` where they had come to with it.
    """

    site: Site
    peak_bytes: int = 0
    retained_bytes: int = 0
    inner: Site | None = None
    is_inner: bool = False
    threads: int = 1
    met: Meeting | None = None
