"""Says whether this process runs in a CI service, by the variables that such services set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_GENERAL = ("CI", "__TOX_ENVIRONMENT_VARIABLE_ORIGINAL_CI")
"""What most services set; tox passes `CI` on under a name of its own (tox/tox_env/api.py)."""

_SERVICES = (
    "APPVEYOR",
    "BITBUCKET_BUILD_NUMBER",
    "BUILDKITE",
    "BUILD_ID",
    "BUILD_NUMBER",
    "CIRCLECI",
    "CIRRUS_CI",
    "CODEBUILD_BUILD_ID",
    "DRONE",
    "GITEA_ACTIONS",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "HEROKU_TEST_RUN_ID",
    "JENKINS_URL",
    "SEMAPHORE",
    "TEAMCITY_VERSION",
    "TF_BUILD",
    "TRAVIS",
    "WOODPECKER",
    "bamboo.buildKey",
    "bamboo_buildKey",
)
"""As tox (tox/util/ci.py) and pytest know them, and as the pages of further services say."""

_TOX = "TOX_ENV_NAME"
"""What tox sets for the commands that it runs."""

_PROC = Path("/proc")
_PARENT_FIELD = 1
"""The place of the parent's id among the fields behind the name of the program; see proc(5), ppid."""

CI_VARIABLES = (*_GENERAL, *_SERVICES)
"""Every variable that may say that a process runs in CI."""

_NO = ("0", "false")
"""Values, in small letters, that say that it does not."""


def ci_variable(variables: Mapping[str, str]) -> str:
    """Return the name of a variable that says that this is CI, or nothing outside CI.

    A general variable that says no decides, whatever those of services say.

    >>> ci_variable({"JENKINS_URL": "https://ci.example"})
    'JENKINS_URL'
    >>> ci_variable({"CI": "false", "GITHUB_ACTIONS": "true"})
    ''
    """
    if any(variables.get(name, "").lower() in _NO for name in _GENERAL):
        return ""
    said = (name for name in CI_VARIABLES if variables.get(name, "").lower() not in ("", *_NO))
    return next(said, "")


def is_ci() -> bool:
    """Say whether this process runs in CI: by its own variables, or by those that tox has kept from it."""
    if any(os.environ.get(name) for name in _GENERAL):
        return bool(ci_variable(os.environ))
    return bool(ci_variable(os.environ) or (_TOX in os.environ and ci_variable(_outside_tox())))


def _outside_tox() -> Mapping[str, str]:
    """Return the variables that tox was started with; none where the system does not show them."""
    process = os.getppid()
    with suppress(OSError, ValueError, IndexError):
        while process > 0:
            variables = _started_with(process)
            if _TOX not in variables:
                return variables
            process = int(
                (_PROC / str(process) / "stat").read_bytes().rpartition(b")")[2].split()[_PARENT_FIELD]
            )
    return {}


def _started_with(process: int) -> Mapping[str, str]:
    written = os.fsdecode((_PROC / str(process) / "environ").read_bytes())
    return dict(pair.split("=", 1) for pair in written.split("\0") if "=" in pair)
