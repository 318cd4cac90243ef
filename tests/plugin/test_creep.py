"""A run that judges growth in small steps from the history of its repository."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from tests.guarded_project import GuardedProject
from tests.made_repository import MadeRepository

TEST = """
    import pytest
    @pytest.mark.memguard
    def test_it():
        assert bytes(1_300_000)
"""
SETTINGS = '[tool.memguard]\ncreep = "20% in 90 days"\n'


def days_ago(number: int) -> str:
    return (dt.datetime.now(dt.timezone.utc) - dt.timedelta(number)).date().isoformat()


@pytest.fixture
def grown(project: GuardedProject) -> MadeRepository:
    """Accept what a test needs, as if it had come to it in three steps."""
    project.write({"pyproject.toml": SETTINGS}, test_it=TEST)
    project.accept()
    accepted = project.entries()
    peak = int(re.search(r"peak: ([\d_]+)", accepted)[1].replace("_", ""))  # type: ignore[index]  # it is there
    made = MadeRepository(project.root)
    for days, less in ((100, 300_000), (60, 200_000), (30, 100_000), (1, 0)):
        (path,) = (project.root / ".memguard/baseline").glob("*/test_it.py.yml")
        path.write_text(accepted.replace(f"{peak:_}", f"{peak - less:_}"))
        made.commit(day=days_ago(days), author="Bo")
    return made


def test_a_run_warns_and_names_the_commits(project: GuardedProject, grown: MadeRepository) -> None:
    run = project.run()
    assert (run.code, run.outcomes()) == (0, {"test_it": "crept"})
    assert "1 crept" in run.summary
    for commit in grown.commits[1:]:
        assert commit[:10] in run.summary
    assert run.results()["test_it"]["creep"]["since"] == days_ago(90)


def test_it_fails_where_the_settings_say_so_also_in_a_worker(
    project: GuardedProject, grown: MadeRepository
) -> None:
    project.write({"pyproject.toml": f'{SETTINGS}fail_on = ["crept"]\n'})
    run = project.spawn("-n1", plugins=("xdist",))
    assert (run.code, run.outcomes()) == (1, {"test_it": "crept"})
    assert run.counted()["failed"] == 1
    assert "3 accepted steps" in run.text


def test_without_a_history_the_run_says_so_and_fails_where_creep_does(project: GuardedProject) -> None:
    project.write({"pyproject.toml": SETTINGS}, test_it=TEST)
    project.accept()
    project.let(CI="true")
    run = project.run()
    assert (run.code, run.problems()) == (0, {"no-history": False})
    assert run.outcomes() == {"test_it": "ok"}
    assert project.run("--memguard-fail-on=crept").problems() == {"no-history": True}
    project.let(CI="")
    run = project.run("--memguard-fail-on=crept")
    assert (run.code, run.problems()) == (1, {"no-history": True})
