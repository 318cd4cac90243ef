from __future__ import annotations

import pytest

from pytest_memguard.cli import selftest
from pytest_memguard.cli.selftest import PROBES, Probe
from pytest_memguard.core.outcome import Outcome
from tests.cli.running import CommandProject


def test_the_gate_is_seen_to_fail(shop: CommandProject) -> None:
    output = shop.memguard("selftest")
    assert output.lines == [
        "  ok      growth: unchanged it passes, with it planted: grew",
        "  ok      leak: unchanged it passes, with it planted: leaked",
        "The gate fails when it must: 2 of 2 probes.",
    ]
    assert (output.code, output.error) == (0, "")


def test_a_gate_that_cannot_fail_ends_with_1(shop: CommandProject, monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = Probe("growth", PROBES[0].marker, PROBES[0].clean, PROBES[0].clean, Outcome.GREW)
    monkeypatch.setattr(selftest, "PROBES", (harmless,))
    output = shop.memguard("selftest")
    assert output.code == 1
    assert output.lines[0] == (
        "  FAILED  growth: pytest ended with 0 and the outcome ok; expected were 1 and grew."
    )
    assert output.lines[-1] == "1 of 1 probes failed: this gate cannot be trusted here."


def test_the_users_pytest_options_stay_out(shop: CommandProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--memguard-advisory -x --no-such-option")
    monkeypatch.setattr(selftest, "PROBES", PROBES[:1])
    assert shop.memguard("selftest").code == 0
