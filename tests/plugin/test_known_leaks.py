"""Known leaks in a run: the project's entries, and the leaks of the test clients of Django and click."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

from pytest_memguard.guard import library_leaks
from pytest_memguard.guard.library_leaks import LibraryLeak, LibraryLeaks
from tests.guarded_project import GuardedProject

THEIRS = "ALL = []\n\ndef add(): ALL.append(bytes(2000))\n"
TEST = """
    import pytest, theirs
    KEPT = []

    @pytest.mark.memguard(leaks=True, leak_budget=0.2)
    def test_theirs(): theirs.add()

    @pytest.mark.memguard(leaks=True, leak_budget=0.2)
    def test_ours():
        theirs.add()
        KEPT.append(bytes(500))
"""


def test_a_known_leak_is_shown_apart_and_what_remains_fails(project: GuardedProject) -> None:
    project.write({"theirs.py": THEIRS}, test_it=TEST)
    entry = "[[tool.memguard.known_leak]]\nat = 'theirs.py:*'\nreason = 'see theirs#1'\n"
    project.write({"pyproject.toml": entry})
    run = project.run("-v")
    assert run.outcomes() == {"test_ours": "leaked", "test_theirs": "no-baseline"}
    assert 500 <= run.results()["test_ours"]["leak"]["bytes_per_call"] <= 700
    section = run.summary.partition("1 known leak:\n")[2]
    assert re.match(r"  2\.0 KiB a call in 2 tests: see theirs#1\n    at = theirs\.py:\*\n", section), (
        run.summary
    )
    assert "known-leaks" not in run.problems()


def test_an_entry_that_is_past_its_day_or_matches_nothing_is_said(project: GuardedProject) -> None:
    project.write({"theirs.py": THEIRS}, test_it=TEST)
    entry = "[[tool.memguard.known_leak]]\nreason = 'x'\n"
    project.write(
        {"pyproject.toml": f"{entry}at = 'theirs.py'\nuntil = 2020-01-01\n{entry}held_by = 'nobody'\n"}
    )
    run = project.run()
    assert set(run.outcomes().values()) == {"leaked"}
    assert run.problems()["known-leaks"] is False
    text = " ".join(run.summary.split())
    assert "the known leak at = theirs.py ended on 2020-01-01" in text
    assert "the known leak held_by = nobody matched nothing" in text


def test_djangos_test_client_is_a_known_leak_and_a_view_that_leaks_is_one(project: GuardedProject) -> None:
    django = pytest.importorskip("django")
    assert django.VERSION < (6, 1)
    project.write(
        {
            "conftest.py": """
                import django
                from django.conf import settings

                database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
                settings.configure(
                    SECRET_KEY="x", ROOT_URLCONF="urls", ALLOWED_HOSTS=["*"], DATABASES={"default": database}
                )
                django.setup()
            """,
            "urls.py": """
                from django.core import signals
                from django.http import HttpResponse
                from django.urls import path

                def on_start(**named): pass

                def connects(request):
                    signals.request_started.connect(on_start)
                    return HttpResponse("ok")

                urlpatterns = [
                    path("", lambda request: HttpResponse("ok")),
                    path("connects", connects),
                ]
            """,
        },
        test_it="""
            import pytest
            from django.db import connection
            from django.test import Client
            from django.test.utils import CaptureQueriesContext
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1)

            @pytest.fixture(scope="module")
            def client(): return Client()

            def test_of_the_module(client): client.get("/")
            def test_two_requests(): Client().get("/"); Client().get("/")
            def test_connects(): Client().get("/connects")
            def test_queries():
                with CaptureQueriesContext(connection): pass
        """,
    )
    run = project.spawn("-v")
    assert run.outcomes() == {
        "test_connects": "leaked",
        "test_of_the_module": "no-baseline",
        "test_queries": "no-baseline",
        "test_two_requests": "no-baseline",
    }
    assert re.search(r"1 known leak:\n  [\d.]+ (B|KiB) a call in 4 tests: Django's test client", run.summary)
    assert "shipped with memguard: Signal.connect in django/dispatch/dispatcher.py" in run.summary


@pytest.mark.parametrize(("windows", "known"), [([0, 96, 960], [96]), ([0, 96], [96]), ([96, 0, 0], [])])
def test_a_known_leak_is_what_piles_up_from_the_first_call_on(
    monkeypatch: pytest.MonkeyPatch, windows: list[int], known: list[int]
) -> None:
    """The fixtures of a test are renewed before its first call; what is found once has not piled up."""
    left_bytes = iter([0, *windows])
    leak = LibraryLeak("sys", None, "it leaks", "here", take_away=lambda: next(left_bytes))
    monkeypatch.setattr(library_leaks, "LIBRARY_LEAKS", (leak,))
    leaks = LibraryLeaks()
    for _ in windows:
        leaks.take_away()
    assert [one.bytes_per_call for one in leaks.known(1)] == known


def test_a_package_in_a_temporary_folder_is_no_known_leak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    for name in ("__init__", "cart"):
        (package / f"{name}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    library_leaks.LIBRARY_LEAKS[0].take_away()
    importlib.import_module("shop.cart")
    assert str(package) in sys.path_importer_cache
    assert library_leaks.LIBRARY_LEAKS[0].take_away() == 0
    for name in ("shop", "shop.cart"):
        del sys.modules[name]
    assert library_leaks.LIBRARY_LEAKS[0].take_away() > 0


def test_the_runner_of_click_and_of_its_copy_in_typer_is_a_known_leak_and_a_command_that_leaks_is_one(
    project: GuardedProject,
) -> None:
    project.write(
        test_it="""
            import click, pytest, typer, typer.testing
            from click.testing import CliRunner
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.1)
            KEPT = []

            @click.command()
            def hello(): click.echo("hello")

            @click.command()
            def keeps(): KEPT.append(bytes(2000))

            app = typer.Typer()

            @app.command()
            def greet(name: str): typer.echo(name)

            def test_hello(): assert CliRunner().invoke(hello).output == "hello\\n"
            def test_greet(): assert typer.testing.CliRunner().invoke(app, ["you"]).output == "you\\n"
            def test_keeps(): CliRunner().invoke(keeps)
        """,
    )
    run = project.spawn("-v")
    assert run.outcomes() == {
        "test_hello": "no-baseline",
        "test_greet": "no-baseline",
        "test_keeps": "leaked",
    }
    assert "typer's test runner leaves its output streams behind" in run.summary
    assert "click's test runner leaves its output streams behind" in run.summary
    assert 2000 <= run.results()["test_keeps"]["leak"]["bytes_per_call"] <= 2100


def test_what_imports_from_temporary_folders_leave_behind_is_known(project: GuardedProject) -> None:
    project.write(
        test_it="""
            import importlib, pytest, sys
            KEPT = []
            pytestmark = pytest.mark.memguard(leaks=True, leak_budget=0.05)

            @pytest.fixture
            def shop(tmp_path, monkeypatch):
                (tmp_path / "made_shop.py").write_text("SIZE = 1")
                monkeypatch.syspath_prepend(tmp_path)
                yield lambda: importlib.import_module("made_shop").SIZE
                sys.modules.pop("made_shop", None)

            def test_clean(shop, tmp_path):
                (tmp_path / "used").mkdir()
                assert shop()

            def test_leaking(shop, tmp_path):
                (tmp_path / "used").mkdir()
                KEPT.append([shop(), bytes(500)])
        """
    )
    run = project.spawn()
    assert run.outcomes() == {"test_clean": "no-baseline", "test_leaking": "leaked"}
    assert "the import system keeps" in run.summary
