"""What the step uploads: results, report, proposed baseline, patch, and captures up to a limit."""

from __future__ import annotations

import shutil
from pathlib import Path

CAPTURES_BYTES = 256 * 1024**2
"""All captures together; what does not fit is named in `profiles/left-out.txt`."""


def copy_captures(profiles: Path, into: Path, *, limit_bytes: int = CAPTURES_BYTES) -> int:
    """Copy memray captures, smallest first so that most of them fit; return how many were left out."""
    files = [path for path in profiles.rglob("*") if path.is_file() and not path.is_symlink()]
    room = limit_bytes
    left_out = []
    for path in sorted(files, key=lambda path: (path.stat().st_size, path)):
        room -= path.stat().st_size
        if room < 0:
            left_out.append(path.relative_to(profiles).as_posix())
            continue
        target = into / path.relative_to(profiles)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    if left_out:
        into.mkdir(parents=True, exist_ok=True)
        (into / "left-out.txt").write_text("".join(f"{name!a}\n" for name in left_out), encoding="utf-8")
    return len(left_out)
