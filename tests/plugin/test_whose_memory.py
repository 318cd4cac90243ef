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
def importable(project: GuardedProject, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder beside the project that its runs import from."""
    folder = project.root.parent / f"{project.root.name}-site"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@pytest.fixture
def site(project: GuardedProject, importable: Path) -> Path:
    """Return a folder with a plugin in it, as `pip install .` puts it there."""
    install(
        importable,
        "pytest-shop",
        {"pytest_shop/__init__.py": SOURCE, "pytest_shop/plugin.py": ""},
        head=("Classifier: Framework :: Pytest",),
        plugin="pytest_shop.plugin",
    )
    project.let(MEGABYTES=6)
    return importable


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
    name: str, outcome: str, project: GuardedProject, importable: Path
) -> None:
    plugin = "import pytest, acme\n\n@pytest.fixture\ndef render(): return acme.render\n"
    files = {"acme/__init__.py": SOURCE, "acme/plugin.py": plugin}
    install(importable, "acme", files, head=("Requires-Dist: pytest",), plugin="acme.plugin")
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
    project: GuardedProject, importable: Path
) -> None:
    files = {"pytest_recorder.py": RECORDER}
    install(importable, "pytest-recorder", files, head=("Requires-Dist: pytest",), plugin="pytest_recorder")
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
NAMES = set()
BY_NAME = {"first": 1}

class Approver:
    compared = ["first"]

def verify(name):
    assert name not in Approver.compared, "compared before"
    assert name not in NAMES and name not in BY_NAME
    Approver.compared.append(name)
    NAMES.add(name)
    BY_NAME[name] = 1
"""
COLD = """
    import approver, pytest
    SIZES = iter((200_000, 10, 10, 10))

    @pytest.mark.memguard(max_peak="20 KiB")
    def test_approved():
        approver.verify("page")
        bytearray(next(SIZES))

    def test_records():
        assert approver.Approver.compared == ["first", "page"]
        assert [*approver.BY_NAME] == ["first", "page"]
"""


def test_a_plugin_that_remembers_the_first_run_keeps_no_test_from_a_second(
    project: GuardedProject, importable: Path
) -> None:
    head = ("Classifier: Topic :: Software Development :: Testing",)
    files = {"approver/__init__.py": APPROVER, "approver/plugin.py": ""}
    install(importable, "approver", files, head=head, plugin="approver.plugin")
    project.write(test_it=COLD)
    run = project.spawn(plugins=("approver.plugin",))
    assert run.counted() == {"passed": 2}, run.text
    assert run.results()["test_approved"]["samples"] > 1


PROXIES = """
import sys

class Proxy:
    @property
    def __class__(self): raise RuntimeError("there is no current application")

    def __getattr__(self, name): raise RuntimeError("there is no current application")

current = Proxy()
sys.modules["proxies.lazy"] = Proxy()
REQUESTS = []
"""


@pytest.mark.parametrize("fresh", [False, True])
def test_nobody_asks_the_proxies_of_a_plugin_for_their_class(
    project: GuardedProject, importable: Path, fresh: bool
) -> None:
    """As celery's tests forbid: what its proxies stand for may not be there, or may not be touched."""
    files = {"proxies/__init__.py": PROXIES, "proxies/plugin.py": "from proxies import current\n"}
    install(importable, "proxies", files, plugin="proxies.plugin")
    project.write(
        test_it=f"""
            import proxies, pytest

            @pytest.fixture
            def application(): return proxies.current

            @pytest.mark.memguard(fresh={fresh})
            def test_one(application): bytes(100_000)

            @pytest.mark.memguard(leaks=True, leak_budget="10 ms")
            def test_two(application): bytes(100_000)
        """
    )
    run = project.spawn(plugins=("proxies.plugin",))
    assert run.counted() == {"passed": 2}, run.text
    assert {*run.outcomes().values()} == {"no-baseline"}, run.text
