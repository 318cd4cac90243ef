"""Who runs the tests, and whose the project is: by what a distribution says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_memguard.meters.site_namer import Owner, SiteNamer
from tests.made_distributions import install

PLUGIN = ("Requires-Dist: pytest>=7",)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that packages are imported from."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the folder of a project."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def place(site: Path, root: Path) -> tuple[Path, Path]:
    """Return both folders."""
    return site, root


@pytest.mark.parametrize(
    ("name", "file", "said", "owner"),
    [
        ("pytest-shop", "pytest_shop/core.py", (PLUGIN, "pytest_shop.plugin"), Owner.HARNESS),
        ("shopping", "shopping.py", (PLUGIN, "shopping"), Owner.HARNESS),
        ("shop-testing", "shop/testing/api.py", (PLUGIN, "shop.testing.plugin"), Owner.HARNESS),
        ("old-plugin", "old/a.py", (("Classifier: Framework :: Pytest",), "old.plugin"), Owner.HARNESS),
        ("pytestarch", "pytestarch/api.py", (PLUGIN, ""), Owner.INSTALLED),
        ("coverage-reader", "coverage_reader/api.py", ((), ""), Owner.INSTALLED),
        ("library", "library/streams.py", ((), "library.pytest_plugin"), Owner.INSTALLED),
        ("library", "library/pytest_plugin.py", ((), "library.pytest_plugin"), Owner.HARNESS),
        ("extra", "extra/a.py", (('Requires-Dist: pytest>=7; extra == "test"',), "extra.p"), Owner.INSTALLED),
        ("other", "other/a.py", (("Requires-Dist: pytest-shop",), "other.plugin"), Owner.INSTALLED),
    ],
)
def test_a_plugin_is_known_by_its_entry_point_and_by_what_it_requires(
    place: tuple[Path, Path], name: str, file: str, said: tuple[tuple[str, ...], str], owner: Owner
) -> None:
    site, root = place
    head, plugin = said
    package = file.rpartition("/")[0]
    inits = (f"{package}/__init__.py",) if package else ()
    install(site, name, (file, *inits), head=head, plugin=plugin)
    assert SiteNamer(root).classify(str(site / file)) == (owner, file)
    beside = f"{file.partition('/')[0]}_beside/a.py"
    assert SiteNamer(root).classify(str(site / beside)) == (Owner.INSTALLED, beside)


def test_a_namespace_is_nobodys_own(site: Path, root: Path) -> None:
    files = ("shop/testing/__init__.py", "shop/testing/plugin.py")
    install(site, "shop-testing", files, head=PLUGIN, plugin="shop.testing.plugin")
    owners = {name: SiteNamer(root).classify(str(site / name))[0] for name in (*files, "shop/cart.py")}
    assert [name for name, owner in owners.items() if owner is Owner.INSTALLED] == ["shop/cart.py"]


def test_the_project_under_test_is_no_harness(site: Path, root: Path) -> None:
    files = ("pytest_shop/__init__.py", "pytest_shop/plugin.py")
    install(site, "pytest-shop", files, head=PLUGIN, plugin="pytest_shop.plugin")
    file = str(site / files[0])
    assert SiteNamer(root).classify(file)[0] is Owner.HARNESS
    assert SiteNamer(root, include=["pytest_shop"]).classify(file)[0] is Owner.INSTALLED
    (root / "pyproject.toml").write_text('[project]\nname = "Pytest_Shop"\n')
    assert SiteNamer(root).classify(file)[0] is Owner.INSTALLED
    assert SiteNamer(root, exclude=["pytest_shop"]).classify(file)[0] is Owner.HARNESS


@pytest.mark.parametrize(("source", "is_own"), [(".", True), ("dist/shop.whl", True), ("../other", False)])
def test_what_was_installed_from_the_projects_folder_is_the_projects(
    site: Path, root: Path, source: str, is_own: bool
) -> None:
    files = ("pytest_shop/__init__.py",)
    url = (root / source).resolve().as_uri()
    install(site, "pytest-shop", files, head=PLUGIN, plugin="pytest_shop.plugin", url=url)
    owner = SiteNamer(root).classify(str(site / files[0]))[0]
    assert (owner is not Owner.HARNESS) is is_own


@pytest.mark.parametrize("folder", ["", "src/"])
def test_an_installed_file_is_named_by_the_source_that_it_was_made_from(
    site: Path, root: Path, folder: str
) -> None:
    install(site, "shop", ("shop/__init__.py", "shop/cart.py"))
    source = root / folder / "shop/cart.py"
    source.parent.mkdir(parents=True)
    source.write_text("another file of that name\n")
    assert SiteNamer(root).classify(str(site / "shop/cart.py")) == (Owner.INSTALLED, "shop/cart.py")
    source.write_bytes((site / "shop/cart.py").read_bytes())
    assert SiteNamer(root).classify(str(site / "shop/cart.py")) == (Owner.PROJECT, f"{folder}shop/cart.py")
    source.write_text("edited since\n")
    (root / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    assert SiteNamer(root).classify(str(site / "shop/cart.py")) == (Owner.PROJECT, f"{folder}shop/cart.py")


def test_a_package_of_the_project_can_be_excluded(root: Path) -> None:
    namer = SiteNamer(root, ["bench", "shop.data"])
    owners = {
        name: namer.classify(str(root / name))[0]
        for name in ("bench/run.py", "src/bench.py", "src/shop/data/a.py", "shop/cart.py")
    }
    assert [name for name, owner in owners.items() if owner is Owner.PROJECT] == ["shop/cart.py"]


@pytest.mark.parametrize(
    ("said", "importer", "is_bench"),
    [
        ("Summary: Mock out the shop", "tests/helping.py", True),
        ("Keywords: shop,testing", "test_it.py", True),
        ("Classifier: Topic :: Software Development :: Testing :: Mocking", "conftest.py", True),
        ("Summary: Talks to the shop", "test_it.py", False),
        ("Summary: Mock out the shop", "program.py", False),
    ],
)
def test_a_test_double_says_so_and_no_program_imports_it(
    place: tuple[Path, Path], said: str, importer: str, is_bench: bool
) -> None:
    site, root = place
    install(site, "shop-double", ("shop_double/server.py", "shop_double/__init__.py"), head=(said,))
    (root / "tests").mkdir()
    (root / importer).write_text("from shop_double import Server")
    assert SiteNamer(root).is_bench(str(site / "shop_double/server.py")) is is_bench
    assert not SiteNamer(root, include=["shop_double"]).is_bench(str(site / "shop_double/server.py"))
