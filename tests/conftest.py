"""What every test may rely on: a quiet environment, and projects that pytest runs guarded."""

from __future__ import annotations

import pytest

from pytest_memguard.core.ci import CI_VARIABLES
from tests.guarded_project import GuardedProject


@pytest.fixture(autouse=True)
def outside_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memguard fails more in CI, and these tests run there as well: each says where it is."""
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def without_other_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs that a test starts load memguard alone, as a reader of an example has it, and start faster."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_memguard.plugin")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> GuardedProject:
    """Return an empty project whose runs load no plugin but those that they name."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return GuardedProject(pytester, monkeypatch)
