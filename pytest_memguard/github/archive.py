"""Reads the archive of an artifact that untrusted code made, without unpacking it."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib

from pytest_memguard.core.errors import ResultsError
from pytest_memguard.github.workspace import FILE_NAME

MOST_MEMBERS = 20_000
MOST_RESULTS = 20
RESULTS_BYTES = 64 * 1024**2


def results_texts(archive: bytes) -> list[bytes]:
    """Return the content of every `results.json`; `ResultsError` for an archive that could do harm.

    An archive is refused if it has a symbolic link, a name that leads out of it, the same name twice, or
    a results file that is too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            members = opened.infolist()
            if len(members) > MOST_MEMBERS:
                raise ResultsError(
                    f"the artifact holds {len(members):,} files; accepted are {MOST_MEMBERS:,}."
                )
            names = [_checked(member) for member in members]
            if len(set(names)) != len(names):
                raise ResultsError(
                    "the artifact holds a file twice; accepted is one that the action uploaded."
                )
            wanted = [member for member in members if member.filename.rpartition("/")[2] == FILE_NAME]
            if len(wanted) > MOST_RESULTS:
                raise ResultsError(
                    f"the artifact holds {len(wanted):,} results; accepted are {MOST_RESULTS}."
                )
            return [_content(opened, member) for member in wanted]
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        # RuntimeError and NotImplementedError are what zipfile raises for encryption and odd compression.
        raise ResultsError(f"the artifact cannot be read: {error}.") from error


def _checked(member: zipfile.ZipInfo) -> str:
    name = member.filename
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
        raise ResultsError(f"the artifact holds a file called {name[:100]!a}, which leads out of it.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ResultsError(f"the artifact holds a symbolic link, {name[:100]!a}; accepted are files alone.")
    return name


def _content(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with opened.open(member) as file:
        content = file.read(RESULTS_BYTES + 1)
    if len(content) > RESULTS_BYTES:
        raise ResultsError(
            f"the results in the artifact have more than {RESULTS_BYTES:,} bytes, which is the limit."
        )
    return content
