"""What pytest's own log capture keeps until a test ends is not the program's memory."""

from __future__ import annotations

import pytest

from tests.guarded_project import GuardedProject

LOGS = """
    import logging, pytest

    log = logging.getLogger("shop")
    KEPT = []

    def refuse(times):
        for number in range(times): log.warning("order %s refused", number)

    class Kept(logging.Handler):
        def emit(self, record): KEPT.append(record)
"""


@pytest.mark.parametrize(
    ("marks", "test"),
    [
        ('max_peak="64 KiB"', "def test_it(): refuse(2_000)"),
        ('max_peak="64 KiB"', "async def test_it(): refuse(2_000)"),
        ('max_peak="64 KiB"', "def test_it(memguard):\n        with memguard.measure('r'): refuse(2_000)"),
    ],
)
def test_records_that_only_pytest_keeps_are_let_go(project: GuardedProject, marks: str, test: str) -> None:
    project.write(
        {"pytest.ini": "[pytest]\nasyncio_mode = auto\n"},
        test_it=f"{LOGS}\n    @pytest.mark.memguard({marks})\n    {test}\n",
    )
    run = project.spawn(plugins=("pytest_asyncio.plugin",))  # this pytest keeps records of its own
    assert set(run.outcomes().values()) == {"no-baseline"}
    assert "over-limit" not in run.text


def test_records_that_a_program_keeps_count(project: GuardedProject) -> None:
    project.write(
        test_it=LOGS
        + """
    @pytest.mark.memguard(max_peak="64 KiB")
    def test_it():
        log.addHandler(Kept())
        refuse(2_000)
"""
    )
    assert project.run().outcomes() == {"test_it": "over-limit"}


def test_who_asks_for_records_has_them_and_is_told_what_they_cost(project: GuardedProject) -> None:
    project.write(
        test_it=LOGS
        + """
    @pytest.fixture
    def later(request): return lambda: request.getfixturevalue("caplog")

    @pytest.mark.memguard
    def test_caplog(caplog):
        refuse(2_000)
        assert len(caplog.records) == 2_000

    @pytest.mark.memguard
    def test_request(request):
        refuse(3)
        assert len(request.getfixturevalue("caplog").records) == 3

    @pytest.mark.memguard
    def test_fixture(later):
        refuse(3)
        assert len(later().records) == 3

    @pytest.mark.memguard
    def test_failing():
        refuse(1)
        assert not log
"""
    )
    run = project.run()
    assert run.counted() == {"passed": 3, "failed": 1}
    assert "order 0 refused" in run.text
    assert run.results()["test_caplog"]["measurement"]["notes"] == [
        "pytest's `caplog` keeps 2,000 log records until the test ends; they count"
    ]
