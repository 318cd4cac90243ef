"""CI is known by the variables of its services, and by what tox makes of them."""

from __future__ import annotations

import pytest

from pytest_memguard.core.ci import ci_variable

SERVICES = [
    {"CI": "true"},
    {"GITHUB_ACTIONS": "true"},
    {"GITLAB_CI": "true"},
    {"TF_BUILD": "True"},
    {"JENKINS_URL": "https://jenkins.example/", "BUILD_NUMBER": "12"},
    {"BUILD_NUMBER": "12"},
    {"TEAMCITY_VERSION": "2026.1"},
    {"CODEBUILD_BUILD_ID": "project:5d1f"},
    {"BITBUCKET_BUILD_NUMBER": "7"},
    {"CIRCLECI": "true"},
    {"BUILDKITE": "true"},
    {"DRONE": "true"},
    {"APPVEYOR": "True"},
    {"TRAVIS": "true"},
    {"__TOX_ENVIRONMENT_VARIABLE_ORIGINAL_CI": "true"},
]


@pytest.mark.parametrize("variables", SERVICES, ids=lambda variables: next(iter(variables)))
def test_every_service_is_known(variables: dict[str, str]) -> None:
    assert ci_variable({"HOME": "/root", **variables}) in variables


@pytest.mark.parametrize(
    "variables",
    [{}, {"CI": ""}, {"CI": "0"}, {"CI": "False"}, {"CI": "false", "GITHUB_ACTIONS": "true"}],
    ids=str,
)
def test_a_desk_is_no_ci_nor_is_who_says_no(variables: dict[str, str]) -> None:
    assert ci_variable(variables) == ""
