from __future__ import annotations

import contextlib
import errno
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.errors import BaselineError
from pytest_memguard.storage.atomic import LockTimeoutError, locked, remove_leftovers, write_all, write_atomic
from pytest_memguard.storage.baseline import BaselineStore
from tests.storage.generated_values import ENVIRONMENT

KILLS = 200


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b.txt", "ünï\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "ünï\n".encode()
    assert names_in(tmp_path / "a") == ["b.txt"]


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_atomic(tmp_path / "new", "")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_old_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_text("")
    path.chmod(0o640)
    write_atomic(path, "new")
    assert path.stat().st_mode & 0o777 == 0o640


def test_where_one_of_several_files_fails_none_is_replaced(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_all({first: "new", second: "\udc80"})
    assert first.read_text() == "old"
    assert names_in(tmp_path) == ["first"]


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in (".x.memguard-tmp", "deep/.y.memguard-tmp", "kept.yml", ".kept"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    assert names_in(tmp_path) == [".kept", "deep", "kept.yml"]
    assert names_in(tmp_path / "deep") == []


def test_a_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    in_use = pytest.raises(LockTimeoutError, match="is in use by another memguard")
    with locked(tmp_path), in_use, locked(tmp_path, timeout_seconds=0.05):
        pass
    with locked(tmp_path, timeout_seconds=0.05):
        pass
    assert names_in(tmp_path) == []


def test_a_store_that_is_in_use_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_memguard.storage.baseline.LOCK_TIMEOUT_SECONDS", 0.05)
    store = BaselineStore(tmp_path, ENVIRONMENT)
    with locked(tmp_path), pytest.raises(BaselineError) as caught, store.locked():
        pass
    assert str(caught.value) == (
        f"{tmp_path} is in use by another memguard; wait until that one has ended, or end it, "
        "then run the command again."
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="starting 200 interpreters instead takes a minute")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # from Python 3.12, in threaded runs
def test_a_kill_at_any_moment_leaves_the_old_or_the_new_baseline(tmp_path: Path) -> None:
    store = BaselineStore(tmp_path, ENVIRONMENT)
    chance = random.Random(1)
    start = time.perf_counter()
    _write_fifty(store, 1)
    seconds = time.perf_counter() - start
    last = 1
    for _ in range(KILLS):
        child = _fork_writer(store, last)
        time.sleep(chance.uniform(0.0, 3 * seconds))
        os.kill(child, 9)
        os.waitpid(child, 0)
        peaks = {entry.metrics["peak"] for entry in store.load("t.py").entries.values()}
        assert len(peaks) == 1, "entries of two writes in one file"
        assert len(store.load("t.py").entries) == 50
        assert max(peaks) >= last, "an accepted baseline was lost"
        # Whatever else the machine does, some writers are to be killed before a write and some after it.
        seconds *= 0.9 if max(peaks) > last else 1.25
        last = max(peaks)
    assert last > KILLS // 10, "the writers were killed before they wrote anything"
    with store.locked():
        pass
    assert names_in(tmp_path / ENVIRONMENT) == ["t.py.yml"]


def _fork_writer(store: BaselineStore, number: int) -> int:
    """Return the process id of a writer that has begun to write; killing it is the caller's."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        return child
    try:
        os.write(writing, b"x")
        while True:
            number += 1
            _write_fifty(store, number)
    finally:
        os._exit(1)


def _write_fifty(store: BaselineStore, number: int) -> None:
    with store.locked():
        store.update({f"t.py::test_{key}": Entry({"peak": number}) for key in range(50)})


def _big_update(store: BaselineStore) -> None:
    with store.locked():
        store.update({f"t{number % 9}.py::test_{number}": Entry({"peak": number}) for number in range(9000)})


def _state(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@contextlib.contextmanager
def _mounted(directory: Path, *options: str) -> Iterator[None]:
    """A file system of its own; only root may mount one."""
    done = subprocess.run(["mount", *options, str(directory)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    with _mounted(tmp_path, "-t", "tmpfs", "-o", "size=200k", "memguard-test"):
        store = BaselineStore(tmp_path, ENVIRONMENT)
        with store.locked():
            store.update({f"t{number}.py::test_a": Entry({"peak": number}) for number in range(9)})
        before = _state(tmp_path)
        with pytest.raises(BaselineError) as caught:
            _big_update(store)
        assert _state(tmp_path) == before
    assert str(caught.value) == (
        f"{tmp_path / ENVIRONMENT} cannot be written: {os.strerror(errno.ENOSPC)}. "
        "What was accepted before is unchanged; make the folder writable with room on its disk, "
        "then run the command again."
    )


_LIMITED = """
import resource, signal, sys
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from pytest_memguard.core.errors import BaselineError
from pytest_memguard.storage.baseline import BaselineStore
from tests.storage.test_atomic import _big_update
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    _big_update(BaselineStore(Path(sys.argv[1]), sys.argv[2]))
except BaselineError as error:
    print(error)
"""


def test_a_file_size_limit_changes_nothing(tmp_path: Path) -> None:
    """What an unprivileged user can see of a full disk."""
    store = BaselineStore(tmp_path, ENVIRONMENT)
    with store.locked():
        store.update({f"t{number}.py::test_a": Entry({"peak": number}) for number in range(9)})
    before = _state(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path), ENVIRONMENT, *sys.path, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f": {os.strerror(errno.EFBIG)}. What was accepted before is unchanged" in done.stdout
    assert _state(tmp_path) == before


def test_a_read_only_folder_is_an_error_that_changes_nothing(tmp_path: Path) -> None:
    with _mounted(tmp_path, "-t", "tmpfs", "-o", "size=200k", "memguard-test"):
        store = BaselineStore(tmp_path, ENVIRONMENT)
        store.update({"t.py::test_a": Entry({"peak": 1})})
        before = _state(tmp_path)
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        with pytest.raises(BaselineError, match="cannot be written: Read-only file system"), store.locked():
            store.update({"t.py::test_a": Entry({"peak": 2})})
        assert _state(tmp_path) == before
        assert store.load("t.py").entries == {"test_a": Entry({"peak": 1})}
