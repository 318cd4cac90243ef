"""The rules of other systems, with their answers recorded; none of them runs here."""

from __future__ import annotations

import importlib.util
import ntpath
import os
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from types import ModuleType, SimpleNamespace
from typing import Any

import psutil
import pytest

from pytest_memguard.core.environment import check_environment_key, environment_key
from pytest_memguard.leaks.process_memory import ProcessMemory, SmallBlocks
from pytest_memguard.storage import atomic
from pytest_memguard.storage.names import file_of, module_of

ANSWERS = {
    "cpython-3.13-linux-x86_64": ("cpython", (3, 13), "linux", "x86_64", "glibc 2.36", None),
    "cpython-3.14t-linux-aarch64": ("cpython", (3, 14), "linux", "aarch64", "glibc 2.43", 1),
    "cpython-3.12-linux-x86_64-musl": ("cpython", (3, 12), "linux", "x86_64", OSError, 0),
    "cpython-3.14-macos-arm64": ("cpython", (3, 14), "darwin", "arm64", ValueError, None),
    "cpython-3.11-windows-x86_64": ("cpython", (3, 11), "win32", "AMD64", None, None),
    "pypy-3.11-linux-x86_64": ("pypy", (3, 11), "linux", "x86_64", "glibc 2.43", None),
    "graalpy-3.12-linux-x86_64": ("graalpy", (3, 12), "linux", "x86_64", "glibc 2.36", None),
}
"""What `sys`, `platform`, `os.confstr` and `sysconfig` say there.

Those of glibc and of PyPy were seen on it; the others are what the documentation of each system says.
"""


@pytest.mark.parametrize("key", ANSWERS)
def test_the_environment_is_named_after_the_answers_of_its_system(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, version, system, machine, libc, has_no_gil = ANSWERS[key]

    def confstr(_name: str) -> str:
        if isinstance(libc, type):
            raise libc
        return str(libc)

    with monkeypatch.context() as patch:
        patch.setattr(sys, "implementation", SimpleNamespace(name=name))
        patch.setattr(sys, "version_info", version)
        patch.setattr(sys, "platform", system)
        patch.setattr(platform, "machine", lambda: machine)
        patch.setattr(os, "confstr", confstr, raising=False)
        patch.setattr(sysconfig, "get_config_var", lambda _name: has_no_gil)
        found = environment_key()
    assert found == key == check_environment_key(found)


@pytest.mark.parametrize(
    "module",
    [
        *("tests/aux.py", "con/test_x.py", "tests/NUL", "tests/com1.x.py", "tests/lpt9/test.py", "prn .py"),
        *("tests/test_a:b.py", "tests/a*?.py", 'tests/"x".py', "tests/x. ", "C:/tests/x.py", "tests\\x.py"),
    ],
)
def test_the_file_of_a_module_can_be_made_on_windows(module: str) -> None:
    path = PureWindowsPath(file_of(module))
    assert not path.drive
    for part in path.parts:
        assert not _is_reserved(part)
        assert not set(part) & set(':*?"<>|\\')
        assert not part.endswith((" ", "."))
    assert module_of(file_of(module)) == module


def _is_reserved(part: str) -> bool:
    asked = getattr(ntpath, "isreserved", None)  # from CPython 3.13, where the method is deprecated
    return bool(asked(part) if asked else PureWindowsPath(part).is_reserved())


@pytest.mark.parametrize("module", ["tests/auxiliary.py", "console.py", "tests/com10.py", "tests/null.py"])
def test_a_name_that_only_starts_like_a_device_stays(module: str) -> None:
    assert file_of(module).as_posix() == f"{module}.yml"


@pytest.mark.parametrize(("is_windows", "refusals"), [(True, 3), (False, 1)])
def test_a_file_that_is_open_elsewhere_is_replaced_when_it_is_closed(
    is_windows: bool, refusals: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = Path.replace, [None] * refusals

    def replace(self: Path, target: Path) -> Path:
        if left:
            left.pop()
            raise PermissionError(13, "Access is denied")
        return real(self, target)

    monkeypatch.setattr(atomic, "REFUSES_OPEN_FILES", is_windows)
    monkeypatch.setattr(Path, "replace", replace)
    (tmp_path / "last.json").write_text("old")
    if is_windows:
        atomic.write_atomic(tmp_path / "last.json", "new")
        assert (tmp_path / "last.json").read_text() == "new"
    else:
        with pytest.raises(PermissionError):
            atomic.write_atomic(tmp_path / "last.json", "new")
        assert (tmp_path / "last.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["last.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="the other tests of locks run on the real thing there")
def test_the_lock_of_windows_is_held_by_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = _as_on_windows(monkeypatch)
    in_use = pytest.raises(windows.LockTimeoutError)
    with windows.locked(tmp_path), in_use, windows.locked(tmp_path, timeout_seconds=0.05):
        pass
    with windows.locked(tmp_path, timeout_seconds=0.05):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"], "no baseline has that name"


def _as_on_windows(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load the module as Windows would, with a `msvcrt` that locks by the means of this system."""
    import fcntl  # noqa: PLC0415 - Windows has none

    def locking(descriptor: int, mode: int, number: int) -> None:
        assert (mode, number) == (msvcrt.LK_NBLCK, 1)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(13, "Permission denied") from None  # as msvcrt answers

    msvcrt: Any = ModuleType("msvcrt")
    msvcrt.LK_NBLCK, msvcrt.locking = 2, locking
    spec = importlib.util.spec_from_file_location("atomic_on_windows", atomic.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "msvcrt", msvcrt)
        patch.setattr(sys, "platform", "win32")
        spec.loader.exec_module(module)
    return module


def _refuse(_held: int) -> object:
    raise OSError(38, "Function not implemented")


HEAPS: dict[str, tuple[Callable[[int], object] | None, int | None]] = {
    "glibc": (lambda held: SimpleNamespace(heap_used=4_000_000 + held, mmap_used=1_000_000), 6_000_000),
    "glibc, which maps large blocks by itself": (
        lambda held: SimpleNamespace(heap_used=4_000_000, mmap_used=1_000_000 + held),
        6_000_000,
    ),
    "macOS": (lambda held: SimpleNamespace(heap_used=5_000_000 + held, mmap_used=0), 6_000_000),
    "Windows": (
        lambda held: SimpleNamespace(heap_used=4_000_000 + held, mmap_used=0, heap_count=3),
        5_000_000,
    ),
    "one beside which Python's objects are": (
        lambda _held: SimpleNamespace(heap_used=4_000_000, mmap_used=1_000_000),
        None,
    ),
    "one that answers with an error": (_refuse, None),
    "musl, where psutil has no such function": (None, None),
}
"""What `psutil.heap_info` answers if Python holds so many bytes more, and the bytes in use with a million."""


@pytest.mark.parametrize("system", HEAPS)
def test_the_heap_is_what_the_system_counts(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, in_use = HEAPS[system]
    if answer is None:
        monkeypatch.delattr(psutil, "heap_info", raising=False)
    else:
        held = iter([0])
        monkeypatch.setattr(psutil, "heap_info", lambda: answer(next(held, 1_000_000)), raising=False)
    assert ProcessMemory().heap_bytes() == in_use


@pytest.mark.skipif(sys.version_info < (3, 13), reason="CPython has no other allocator before 3.13")
def test_the_heap_is_not_counted_where_python_has_an_allocator_of_its_own_for_all_objects() -> None:
    code = (
        "from pytest_memguard.leaks.process_memory import ProcessMemory; print(ProcessMemory().heap_bytes())"
    )
    environ = {**os.environ, "PYTHONMALLOC": "mimalloc"}  # as builds without a GIL always do
    assert subprocess.check_output([sys.executable, "-c", code], env=environ, text=True) == "None\n"


def test_windows_counts_handles_in_the_place_of_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = ProcessMemory()
    monkeypatch.setattr(psutil.Process, "num_handles", lambda _self: 77, raising=False)
    monkeypatch.delattr(psutil.Process, "num_fds", raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    assert memory.open_files() == 77


def test_children_are_those_of_the_process_table_where_there_is_no_proc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(path: str) -> list[str]:
        raise FileNotFoundError(2, "No such file or directory", path)

    memory = ProcessMemory()
    monkeypatch.setattr(psutil.Process, "children", lambda _self: [SimpleNamespace(pid=7)])
    monkeypatch.setattr(os, "listdir", refuse)
    assert memory.children() == 1


@pytest.mark.skipif(not hasattr(sys, "_debugmallocstats"), reason="this interpreter has no such allocator")
def test_small_blocks_are_read_where_there_are_no_files_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)  # macOS has none
    blocks = SmallBlocks()
    before = blocks.bytes_in_use()
    kept = [str(number) for number in range(10_000)]
    after = blocks.bytes_in_use()
    blocks.close()
    assert (before is None) is (after is None)  # both where there is no pymalloc
    if before is not None and after is not None:
        assert after - before >= sum(map(sys.getsizeof, kept[1_000:]))
