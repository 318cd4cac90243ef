"""The environment key, under which numbers are comparable, and the versions behind a measurement."""

from __future__ import annotations

import os
import platform
import re
import sys
import sysconfig

from pytest_memguard.core.errors import ValueFormError

KEY_PATTERN = r"[a-z]+-\d+\.\d+t?-[a-z0-9]+-[a-z0-9_]+(-musl)?"
_SYSTEMS = {"darwin": "macos", "win32": "windows"}


def environment_key() -> str:
    """Name this interpreter, system and C library, as in `cpython-3.11-linux-x86_64`."""
    free_threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}{free_threaded}"
    machine = platform.machine().lower().replace("amd64", "x86_64") or "unknown"
    system = _SYSTEMS.get(sys.platform, sys.platform)
    libc = "-musl" if sys.platform == "linux" and _is_musl() else ""
    return f"{sys.implementation.name}-{version}-{system}-{machine}{libc}"


def _is_musl() -> bool:
    """Musl has no `gnu_get_libc_version`, so it answers no GNU version string."""
    try:
        return not os.confstr("CS_GNU_LIBC_VERSION")
    except (OSError, ValueError):
        return True


def is_environment_key(value: str) -> bool:
    """Say whether a name has the form of an environment's."""
    return re.fullmatch(KEY_PATTERN, value) is not None


def check_environment_key(value: str) -> str:
    """Return a key that came from a file; it names a folder, so nothing else may be in it."""
    if not is_environment_key(value):
        raise ValueFormError(
            f"{value!r} is not an environment; accepted is a key such as 'cpython-3.11-linux-x86_64'."
        )
    return value


def python_version() -> str:
    """Return the interpreter's full version, and the mode that changes its figures, for `made_with`.

    In the debug mode of asyncio, each task and each handle keeps the stack that made it. Other modes, such as
    the allocators that `PYTHONMALLOC` names, were measured to change nothing.
    """
    version = platform.python_version()
    return f"{version} with asyncio in debug mode" if _debugs_asyncio() else version


def _debugs_asyncio() -> bool:
    """Say whether new loops of asyncio are in debug mode, as asyncio itself decides it."""
    asked = not sys.flags.ignore_environment and os.environ.get("PYTHONASYNCIODEBUG")
    return sys.flags.dev_mode or bool(asked)
