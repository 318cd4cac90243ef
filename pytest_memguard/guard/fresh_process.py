"""Runs one test in an interpreter of its own, where first-call costs are the same every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_memguard.core.errors import MemguardError
from pytest_memguard.core.options import OPTION_DESTS
from pytest_memguard.core.plain_values import from_plain, to_plain
from pytest_memguard.core.policy import Policy
from pytest_memguard.core.unpatched import real_environment
from pytest_memguard.guard.crashes import last_words, signal_name
from pytest_memguard.guard.fresh_messages import FreshRequest, FreshResult, FreshSampling
from pytest_memguard.guard.session import GuardSession

_START = "import json, sys; request = json.load(open(sys.argv[1])); sys.path[:] = request['sys_path']; "
_CHILD = f"{_START}from pytest_memguard.guard.fresh_child import main; sys.exit(main(request))"
_OF_PLUGINS = """
    numprocesses maxprocesses maxworkerrestart dist distload loadscopereorder tx px rsyncdir rsyncignore
    testrunuid maxschedchunk looponfail
    cov_source cov_reset cov_report cov_config no_cov_on_fail no_cov cov_fail_under cov_append cov_branch
    cov_precision cov_context
    reruns reruns_delay reruns_delay_backoff_factor reruns_mode only_rerun rerun_except rerun_exclude_path
    rerun_show_tracebacks force_reruns fail_on_flaky max_suite_reruns
"""
"""Whole names of what pytest-xdist, pytest-cov and pytest-rerunfailures add; a project may use any other."""
_OF_PYTEST = """
    keyword markexpr deselect lf failedfirst newfirst stepwise maxfail usepdb trace xmlpath collectonly
    durations plugins file_or_dir override_ini verbose inifilename rootdir confcutdir help version
    showfixtures pastebin basetemp debug cacheclear cacheshow report_chars no_header quiet show_capture
    capture
"""
_NOT_PASSED_ON = OPTION_DESTS.union(_OF_PLUGINS.split(), _OF_PYTEST.split())


class FreshError(MemguardError):
    """An interpreter of a test's own that could not be started or did not report."""

    slug = "not-measured"


def run_fresh(
    item: pytest.Item, policy: Policy, session: GuardSession, sampling: FreshSampling
) -> FreshResult:
    """Run an item alone, cold; a crash there is a failed test that names the signal.

    Raises `FreshError` where no interpreter could be started.
    """
    with tempfile.TemporaryDirectory(prefix="memguard-") as folder:
        request_path, report_path = Path(folder) / "request.json", Path(folder) / "report.json"
        request = FreshRequest(
            sys_path=tuple(sys.path),
            arguments=_arguments(item),
            options=_options(item.config),
            report_path=str(report_path),
            bytecode_folder=_bytecode_folder(session),
            root=str(session.root),
            settings=replace(session.settings, written=None, policies=(), meter=session.meter(policy).name),
            policy=policy,
            sampling=sampling,
        )
        request_path.write_text(json.dumps(to_plain(request)), encoding="utf-8")
        return _result_of(_child(request_path, item.config.invocation_params.dir), report_path)


def _child(request_path: Path, directory: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the interpreter that reads the request, to its end."""
    environment = {"PYTHONHASHSEED": "0", **real_environment()}
    environment.pop("PYTEST_XDIST_WORKER", None)
    try:
        return subprocess.run(
            [sys.executable, "-c", _CHILD, str(request_path)],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise FreshError(f"an interpreter of its own could not be started: {error}") from error


def _result_of(child: subprocess.CompletedProcess[bytes], report_path: Path) -> FreshResult:
    """Return what the ended interpreter reported, or how it ended without a report."""
    output = last_words(child.stdout.decode("utf-8", "replace"))
    if child.returncode < 0:
        return FreshResult(
            "failed", f"the test's interpreter was ended by {signal_name(-child.returncode)}\n{output}"
        )
    try:
        report = json.loads(report_path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return FreshResult("failed", f"the test's interpreter exited with {child.returncode}\n{output}")
    return from_plain(FreshResult, report)


def _arguments(item: pytest.Item) -> tuple[str, ...]:
    """Return the command line of a pytest that runs one item, as this one would."""
    config = item.config
    arguments = ["--rootdir", str(config.rootpath), "-o", "addopts=", "-p", "no:cacheprovider"]
    if config.inipath is not None:
        arguments += ["-c", str(config.inipath)]
    for name in config.option.plugins:
        arguments += ["-p", name]
    for override in config.option.override_ini or ():
        arguments += ["-o", override]
    for warning in config.known_args_namespace.pythonwarnings or ():
        arguments += ["-W", warning]
    return (*arguments, f"{config.rootpath}/{item.nodeid}")


def _bytecode_folder(session: GuardSession) -> str:
    """Return where bytecode goes if it may not be kept beside the source.

    Each execution would compile what it imports otherwise, which takes ten times the memory of a module.
    """
    is_kept = os.access(session.root, os.W_OK) and not sys.dont_write_bytecode
    if is_kept and not real_environment().get("PYTHONDONTWRITEBYTECODE"):
        return ""
    return session.bytecode_folder


def _options(config: pytest.Config) -> dict[str, object]:
    """Return what a project's own options are set to; pytest's and ours have no say over one test."""
    return {
        name: value
        for name, value in vars(config.option).items()
        if name not in _NOT_PASSED_ON and _is_plain(value)
    }


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(part) for part in value)
    return value is None or isinstance(value, (str, int, float, bool))
