"""Starts a step of the action from the action's own checkout; the workspace is never on the path.

The steps run this file by its path, so that Python puts this folder, not the working directory,
first on the path. A `json.py` of a pull request is then never imported instead of the real one.
"""

from __future__ import annotations

import os
import sys

_OLDEST = (3, 10)


def _start() -> int:
    if sys.version_info < _OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"::error title=memguard input::memguard needs Python 3.10 or newer, this is {found}.")  # noqa: T201 - the runner reads workflow commands from standard output
        return 2
    folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100,PTH120 - pathlib would be imported before the path is safe
    if os.path.abspath(sys.path[0]) == folder:  # noqa: PTH100 - as above
        del sys.path[0]
    sys.path.insert(0, os.path.dirname(os.path.dirname(folder)))  # noqa: PTH120 - as above
    from pytest_memguard.github.steps import main  # noqa: PLC0415 - only now is it the action's own

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(_start())
