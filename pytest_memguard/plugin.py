"""The pytest plugin: options, the marker and the fixture. Only a guarded run loads more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_memguard.core.options import SWITCHES, VALUES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator

    from pytest_memguard.guard.memguard_fixture import MemguardFixture


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register every option; each has no default, so that settings below them are read."""
    group = parser.getgroup("memguard", "memory gate (pytest-memguard)")
    for name, text in SWITCHES.items():
        group.addoption(name, action="store_true", default=None, help=text)
    for name, (metavar, text) in VALUES.items():
        group.addoption(name, metavar=metavar, default=None, help=text)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Let no conftest.py end a guarded run well while it is imported."""
    if not _is_enabled(early_config.known_args_namespace):
        return (yield)
    from pytest_memguard.run.exit_code import no_unjudged_end  # noqa: PLC0415 - only a guarded run needs it

    with no_unjudged_end(early_config):
        return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the hooks of a guarded run where one was asked for."""
    config.addinivalue_line("markers", _marker_line(config))
    if _is_enabled(config.option):
        from pytest_memguard.commits.past import read_pasts  # noqa: PLC0415 - only a guarded run needs it
        from pytest_memguard.run.hooks import install  # noqa: PLC0415 - as above

        install(config, read_pasts)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, int | None, int | None]:
    """Let no guarded run end well before it was judged, whatever ends it."""
    if not _is_enabled(config.option) or hasattr(config, "workerinput"):
        return (yield)
    from pytest_memguard.run.exit_code import judged_end  # noqa: PLC0415 - only a guarded run needs it

    return (yield from judged_end(config))


def _marker_line(config: pytest.Config) -> str:
    """Describe the marker; its arguments are listed where they are asked for."""
    arguments = "…"
    if config.getoption("markers", default=False):
        from pytest_memguard.core.policy import MARKER_ARGUMENTS  # noqa: PLC0415 - only `--markers` shows them

        arguments = MARKER_ARGUMENTS
    return f"memguard({arguments}): measure the memory of this test, and fail on growth with --memguard"


def _is_enabled(options: argparse.Namespace) -> bool:
    names = ("memguard", "memguard_all", "memguard_leaks", "memguard_accept")
    return any(getattr(options, name, None) for name in names)


@pytest.fixture
def memguard(request: pytest.FixtureRequest) -> MemguardFixture:
    """Measure a region of the test, or check one call for leaks; see docs/reference/marker.md."""
    from pytest_memguard.guard.memguard_fixture import MemguardFixture, book_of  # noqa: PLC0415 - only tests that ask for it pay

    return MemguardFixture(lambda: book_of(request.node.stash))
