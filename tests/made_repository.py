"""A git repository whose commits accept what a test says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_memguard.core.entries import Entry, ModuleBaseline
from pytest_memguard.core.environment import environment_key
from pytest_memguard.storage.baseline import BaselineStore
from pytest_memguard.storage.baseline_writing import module_text

METER = "memray (python allocators traced)"
_MADE_WITH = {"python": "3.11.7", "memray": "1.20.0"}
_FIRST_DAY = 1_767_225_600  # 2026-01-01 in UTC


class MadeRepository:
    """A repository at a folder with its baseline; `commits` are those that it made, the oldest first."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = BaselineStore(root / ".memguard/baseline", environment_key())
        self.commits: list[str] = []
        self.git("init", "-q")

    def git(self, *words: str, given: bytes = b"", **variables: str) -> str:
        """Run git here, and nothing of this machine's own settings."""
        ours = {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ana",
            "GIT_AUTHOR_EMAIL": "ana@example.org",
            "GIT_COMMITTER_NAME": "Ana",
            "GIT_COMMITTER_EMAIL": "ana@example.org",
        }
        done = subprocess.run(
            ["git", *words],
            cwd=self.root,
            input=given,
            capture_output=True,
            check=True,
            env=os.environ | ours | variables,
        )
        return done.stdout.decode().strip()

    def write(self, changes: Mapping[str, int | Entry | None], note: str = "") -> None:
        """Change entries of the baseline: to a peak, to an entry, or away."""
        entries = {
            name: Entry({"peak": change}, note=note) if isinstance(change, int) else change
            for name, change in changes.items()
        }
        self.store.update(entries, meter=METER, made_with=_MADE_WITH)

    def accept(
        self,
        changes: Mapping[str, int | Entry | None],
        *,
        day: str = "2026-01-01",
        author: str = "Ana",
        note: str = "",
    ) -> str:
        """Change entries and commit them."""
        self.write(changes, note)
        return self.commit(day=day, author=author)

    def commit(self, *, day: str = "2026-01-01", author: str = "Ana", message: str = "Accept") -> str:
        """Commit everything on a day; return the commit."""
        self.git("add", "-A")
        when = f"{day}T12:00:00+00:00"
        self.git(
            *("commit", "-q", "--allow-empty", "-m", message),
            GIT_AUTHOR_NAME=author,
            GIT_AUTHOR_DATE=when,
            GIT_COMMITTER_DATE=when,
        )
        self.commits.append(self.git("rev-parse", "HEAD"))
        return self.commits[-1]

    def rename(self, module: str, new_module: str) -> str:
        """Rename a test file and what is accepted for it, as a person does and `accept` then writes."""
        old = self.store.load(module)
        self.store.save([ModuleBaseline(module)])
        self.store.save([ModuleBaseline(new_module, old.meter, old.made_with, old.entries)])
        return self.commit()

    def merge(self, branch: str, changes: Mapping[str, int | Entry | None], *, author: str) -> str:
        """Merge a branch and resolve its conflict by what is said."""
        subprocess.run(
            ["git", "merge", "-q", "--no-commit", "-s", "ours", branch],
            cwd=self.root,
            check=True,
            capture_output=True,
        )
        return self.accept(changes, author=author)

    def import_history(self, versions: Sequence[Mapping[str, int]], *, days_apart: float = 1.0) -> None:
        """Make a commit for each version of `tests/test_x.py`, all in one process."""
        path = self.store.path_of("tests/test_x.py").relative_to(self.root).as_posix()
        branch = self.git("symbolic-ref", "HEAD")
        parts = []
        for number, peaks in enumerate(versions):
            entries = {name.partition("::")[2]: Entry({"peak": peak}) for name, peak in peaks.items()}
            text = module_text(ModuleBaseline("tests/test_x.py", METER, _MADE_WITH, entries)).encode()
            when = _FIRST_DAY + int(number * days_apart * 86_400)
            head = f"commit {branch}\ncommitter Ana <ana@example.org> {when} +0000\ndata 6\nAccept\n"
            parts.append(f"{head}M 100644 inline {path}\ndata {len(text)}\n".encode() + text + b"\n")
        self.git("fast-import", "--quiet", given=b"".join(parts))
        self.git("reset", "-q", "--hard")
