"""Whether this process runs in a CI service, by the variables that services set."""

from __future__ import annotations

from collections.abc import Mapping

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

CI_VARIABLES = (*_GENERAL, *_SERVICES)
_NO = ("0", "false")


def ci_variable(variables: Mapping[str, str]) -> str:
    """Return the variable that says so, or nothing outside CI; a general one that says no decides.

    >>> ci_variable({"JENKINS_URL": "https://ci.example"})
    'JENKINS_URL'
    >>> ci_variable({"CI": "false", "GITHUB_ACTIONS": "true"})
    ''
    """
    if any(variables.get(name, "").lower() in _NO for name in _GENERAL):
        return ""
    said = (name for name in CI_VARIABLES if variables.get(name, "").lower() not in ("", *_NO))
    return next(said, "")
