from __future__ import annotations

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.outcome import Outcome
from tests.cli.running import HERE, KIB, CommandProject, measured, unmeasured

A, B = "tests/test_x.py::a", "tests/test_x.py::b"


def test_stale_entries_go(shop: CommandProject) -> None:
    shop.accepted(a=KIB, b=KIB)
    shop.run(unmeasured("a", Outcome.STALE), measured("b", KIB))
    output = shop.memguard("prune")
    assert output.lines == [f"  {A}  removed", f"1 entry removed for {HERE}."]
    assert output.code == 0
    assert set(shop.entries(A)) == {B}


def test_a_dry_run_removes_nothing(shop: CommandProject) -> None:
    shop.accepted(a=KIB)
    shop.run(unmeasured("a", Outcome.STALE))
    assert shop.memguard("prune", "--dry-run").lines == [
        f"  {A}  removed",
        f"1 entry would be removed for {HERE}.",
    ]
    assert set(shop.entries(A)) == {A}


def test_entries_of_deleted_files_go_without_a_run(shop: CommandProject) -> None:
    shop.accepted(a=KIB)
    shop.store().update({"tests/test_deleted.py::b": Entry({"peak": 1})})
    assert shop.memguard("prune").lines == [
        "  tests/test_deleted.py::b  removed",
        f"1 entry removed for {HERE}.",
    ]
    assert shop.store().modules() == ("tests/test_x.py",)


def test_a_folder_in_which_every_test_file_seems_gone_is_the_wrong_one(shop: CommandProject) -> None:
    shop.accepted(a=KIB)
    (shop.root / "tests" / "test_x.py").unlink()
    shop.run(measured("a", KIB))
    output = shop.memguard("prune")
    assert output.code == 3
    assert f"none of the 1 test files of the baseline exists below {shop.root}" in output.error
    assert set(shop.entries(A)) == {A}


def test_patterns_remove_what_they_name(shop: CommandProject) -> None:
    shop.accepted(a=KIB, b=KIB)
    assert shop.memguard("prune", B).lines == [f"  {B}  removed", f"1 entry removed for {HERE}."]
    assert shop.memguard("prune", "zzz").code == 3
    assert set(shop.entries(A)) == {A}


def test_results_of_another_environment_remove_nothing(shop: CommandProject) -> None:
    shop.accepted(a=KIB)
    shop.run(unmeasured("a", Outcome.STALE), environment="cpython-3.9-macos-arm64")
    assert shop.memguard("prune").lines == [f"0 entries removed for {HERE}."]


def test_without_results_or_baseline_there_is_nothing_to_judge(shop: CommandProject) -> None:
    assert shop.memguard("prune").code == 3
    shop.accepted(a=KIB)
    output = shop.memguard("prune")
    assert output.code == 3
    assert "there are no results at" in output.error
