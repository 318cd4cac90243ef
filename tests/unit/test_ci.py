"""CI is known by the variables of its services, and by what tox makes of them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_memguard.core.ci import CI_VARIABLES, ci_variable

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


AS_TOX_DOES = """
import os, subprocess, sys
kept = {name: os.environ[name] for name in os.environ if name not in sys.argv[1:]}
asks = [sys.executable, "-c", "from pytest_memguard.core.ci import is_ci; print(is_ci())"]
between = [sys.executable, "-c", f"import subprocess; subprocess.run({asks!r}, check=True)"]
subprocess.run(between, check=True, env=kept | {"TOX_ENV_NAME": "py"})
"""
"""Runs a command that starts another one, both without some variables."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no other system shows the variables")
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"JENKINS_URL": "https://jenkins.example/"}, "True"),
        ({"TF_BUILD": "True"}, "True"),
        ({"TEAMCITY_VERSION": "2026.1"}, "True"),
        ({"TEAMCITY_VERSION": "2026.1", "CI": "false"}, "False"),
        ({}, "False"),
    ],
    ids=str,
)
def test_what_tox_keeps_from_its_commands_is_known(variables: dict[str, str], said: str) -> None:
    desk = {name: os.environ[name] for name in os.environ if name not in (*CI_VARIABLES, "TOX_ENV_NAME")}
    run = subprocess.run(
        [sys.executable, "-c", AS_TOX_DOES, *variables],
        env=desk | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == said
