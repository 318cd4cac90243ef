"""A plugin project guards its own memory however it is installed, and growth is named in its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guarded_project import GuardedProject
from tests.made_distributions import install

SOURCE = """\
import os

KEPT = []

def render():
    KEPT.append(bytearray(1_000_000 * int(os.environ["MEGABYTES"])))
"""
TEST = """
    import pytest, pytest_shop

    @pytest.mark.memguard(max_peak="2 MiB")
    def test_render(): pytest_shop.render()
"""


@pytest.fixture
def site(project: GuardedProject, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a plugin in it, as `pip install .` puts it there."""
    folder = project.root.parent / f"{project.root.name}-site"
    folder.mkdir()
    install(
        folder,
        "pytest-shop",
        {"pytest_shop/__init__.py": SOURCE, "pytest_shop/plugin.py": ""},
        head=("Classifier: Framework :: Pytest",),
        plugin="pytest_shop.plugin",
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    project.let(MEGABYTES=6)
    return folder


@pytest.mark.usefixtures("site")
def test_a_plugin_that_is_installed_guards_itself(project: GuardedProject) -> None:
    project.write(
        {
            "pyproject.toml": '[project]\nname = "pytest-shop"\n[tool.memguard]\n',
            "src/pytest_shop/__init__.py": SOURCE.replace("KEPT = []", "KEPT = []  # edited since"),
        },
        test_it=TEST,
    )
    run = project.spawn()
    assert run.outcomes() == {"test_render": "over-limit"}
    (site,) = run.results()["test_render"]["sites"]
    assert (site["file"], site["line"]) == ("src/pytest_shop/__init__.py", 6)


@pytest.mark.usefixtures("site")
def test_a_test_whose_memory_was_left_out_says_so_and_include_takes_it_back(project: GuardedProject) -> None:
    project.write(test_it=TEST)
    run = project.spawn()
    assert run.outcomes() == {"test_render": "no-baseline"}
    assert run.measured("test_render") < 10_000
    said = " ".join(run.summary.split())
    assert "most of its memory is left out: 5.7 MiB held by pytest_shop; if that is" in said
    assert 'set include = ["pytest_shop"]' in said
    project.write({"pyproject.toml": '[tool.memguard]\ninclude = ["pytest_shop"]\n'})
    run = project.spawn()
    assert run.outcomes() == {"test_render": "over-limit"}
    assert "left out" not in run.summary


@pytest.mark.parametrize(
    ("name", "outcome"), [("test_it.py", "over-limit"), ("conftest.py", "over-limit"), ("", "no-baseline")]
)
def test_a_package_with_a_plugin_counts_where_the_project_imports_it(
    name: str, outcome: str, project: GuardedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project.root.parent / f"{project.root.name}-site"
    folder.mkdir()
    plugin = "import pytest, acme\n\n@pytest.fixture\ndef render(): return acme.render\n"
    files = {"acme/__init__.py": SOURCE, "acme/plugin.py": plugin}
    install(folder, "acme", files, head=("Requires-Dist: pytest",), plugin="acme.plugin")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    project.let(MEGABYTES=6)
    test = "@pytest.mark.memguard(max_peak='2 MiB')\ndef test_render(render): render()\n"
    texts = {"test_it.py": f"import pytest, acme.plugin\n{test}"}
    if name:
        texts[name] = f"import acme\n{texts.get(name, '')}"
    project.write(texts)
    run = project.spawn(plugins=("acme.plugin",))
    assert run.outcomes() == {"test_render": outcome}, run.text
    told = f"acme counts as the program's, since {name} imports it"
    assert (told in run.text) == bool(name)


RECORDER = """\
RECORDS = []
SHOPS = {}

class Recorder:
    def __init__(self):
        self.calls = []

RECORDER = Recorder()

def pytest_configure(config): pass

def record(one): RECORDS.append(one)

def call(one): RECORDER.calls.append((one, {"at": one}))
"""
RECORDED = """
    import pytest, pytest_recorder
    pytestmark = pytest.mark.memguard(leaks=True, leak_budget="50 ms")
    KEPT = []

    class Shop:
        def __init__(self): self.orders = []

    pytest_recorder.SHOPS["first"] = Shop()

    def test_global(): pytest_recorder.record([bytes(400)])

    def test_object(): pytest_recorder.call(bytes(400))

    def test_program_too():
        one = [bytes(400)]
        KEPT.append(one)
        pytest_recorder.record(one)

    def test_program_beside():
        KEPT.append([bytes(300)])
        pytest_recorder.record([bytes(400)])

    def test_untracked_beside():
        KEPT.append(bytes(300))
        pytest_recorder.record([bytes(400)])

    def test_object_of_the_program(): pytest_recorder.SHOPS["first"].orders.append([bytes(400)])
"""


def test_what_a_plugin_alone_keeps_is_no_leak_of_the_program(
    project: GuardedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project.root.parent / f"{project.root.name}-site"
    folder.mkdir()
    files = {"pytest_recorder.py": RECORDER}
    install(folder, "pytest-recorder", files, head=("Requires-Dist: pytest",), plugin="pytest_recorder")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    project.write(test_it=RECORDED)
    run = project.spawn(plugins=("pytest_recorder",))
    assert run.outcomes() == {
        "test_global": "no-baseline",
        "test_object": "no-baseline",
        "test_object_of_the_program": "leaked",
        "test_program_beside": "leaked",
        "test_program_too": "leaked",
        "test_untracked_beside": "leaked",
    }, run.text
    known = run.results()["test_global"]["leak"].get("known")
    assert "a plugin or a test double keeps it, not the program: pytest_recorder.RECORDS" in str(known), (
        run.summary
    )
    assert "known leak" in run.summary


APPROVER = """
class Approver:
    compared = []

def verify(name):
    assert name not in Approver.compared, "compared before"
    Approver.compared.append(name)
"""


def test_a_plugin_that_remembers_the_first_run_keeps_no_test_from_a_second(
    project: GuardedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project.root.parent / f"{project.root.name}-site"
    folder.mkdir()
    head = ("Classifier: Topic :: Software Development :: Testing",)
    files = {"approver/__init__.py": APPROVER, "approver/plugin.py": ""}
    install(folder, "approver", files, head=head, plugin="approver.plugin")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    project.write(
        test_it="""
            import approver, pytest

            @pytest.mark.memguard
            def test_it(): approver.verify("it")
        """
    )
    assert project.spawn(plugins=("approver.plugin",)).results()["test_it"]["samples"] > 1


ONLY_ONCE = """\
NAMES = set()
ORDER = ["first"]
BY_NAME = {"first": 1}

def pytest_configure(config): pass

def once(name):
    assert name not in NAMES and name not in ORDER and name not in BY_NAME
    NAMES.add(name)
    ORDER.append(name)
    BY_NAME[name] = 1
"""
COLD = """
    import pytest, pytest_only_once
    SIZES = iter((200_000, 10, 10, 10))

    @pytest.mark.memguard(max_peak="20 KiB")
    def test_approved():
        pytest_only_once.once("page")
        bytearray(next(SIZES))

    def test_records():
        assert pytest_only_once.ORDER == ["first", "page"]
        assert [*pytest_only_once.BY_NAME] == ["first", "page"]
"""


def test_what_a_plugin_wrote_down_does_not_keep_a_test_from_running_again(
    project: GuardedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project.root.parent / f"{project.root.name}-site"
    folder.mkdir()
    files = {"pytest_only_once.py": ONLY_ONCE}
    install(folder, "pytest-only-once", files, head=("Requires-Dist: pytest",), plugin="pytest_only_once")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    project.write(test_it=COLD)
    run = project.spawn(plugins=("pytest_only_once",))
    assert run.counted() == {"passed": 2}, run.text
    assert run.results()["test_approved"]["samples"] > 1
