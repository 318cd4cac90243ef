from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.core.entries import Entry, EntrySite, ModuleBaseline
from pytest_memguard.core.errors import BaselineError
from pytest_memguard.core.node_ids import join_id, split_id
from pytest_memguard.storage.baseline import BaselineStore, write_gitignore
from tests.hypothesis_profile import WITH_FIXTURES
from tests.storage.generated_values import ENVIRONMENT, entries, ids

HOSTILE_MODULES = (
    "../../outside.py",
    "/etc/passwd",
    "C:\\windows\\x.py",
    "C:/windows/x.py",
    "a/../../../b.py",
    "./x.py",
    "a//b.py",
    "a/..",
    "..",
    "",
    "nul\x00.py",
    "star*?.py",
    "trailing. ",
    "%2E%2E/x.py",
    "%",
    "a/%/b.py",
    "ünï côdé/日本.py",
)


def store_in(directory: Path) -> BaselineStore:
    return BaselineStore(directory, ENVIRONMENT)


def test_the_file_is_the_one_that_the_documentation_shows(tmp_path: Path) -> None:
    store_in(tmp_path).save(
        [
            ModuleBaseline(
                module="tests/test_cache.py",
                meter="memray (python allocators traced)",
                made_with={"python": "3.11.7", "memray": "1.20.0"},
                entries={
                    "test_lookup[1000]": Entry(
                        metrics={"allocations": 15, "peak": 2_694_911, "retained": 72},
                        note="LRU grew to 10k entries, see #482",
                        sites=(EntrySite("shop/cache.py:put", 2_100_000),),
                    )
                },
            )
        ]
    )
    path = tmp_path / "cpython-3.11-linux-x86_64" / "tests" / "test_cache.py.yml"
    assert path.read_text(encoding="utf-8") == (
        "# Accepted memory of tests/test_cache.py. Change it with `memguard accept`; review it like code.\n"
        "format: 1\n"
        "meter: memray (python allocators traced)\n"
        "made_with: {memray: 1.20.0, python: 3.11.7}\n"
        "tests:\n"
        "  test_lookup[1000]:\n"
        "    peak: 2_694_911\n"
        "    retained: 72\n"
        "    allocations: 15\n"
        '    note: "LRU grew to 10k entries, see #482"\n'
        "    sites:\n"
        '    - {at: "shop/cache.py:put", peak: 2_100_000}\n'
    )


@WITH_FIXTURES
@given(module=st.sampled_from(HOSTILE_MODULES), written=st.dictionaries(ids, entries, min_size=1, max_size=3))
def test_any_module_and_any_key_come_back(tmp_path: Path, module: str, written: dict[str, Entry]) -> None:
    store = store_in(tmp_path)
    baseline = ModuleBaseline(module, entries=written)
    store.save([baseline])
    assert store.load(module) == baseline
    assert module in store.modules()


@pytest.mark.parametrize("module", HOSTILE_MODULES)
def test_no_module_leads_out_of_the_environment(tmp_path: Path, module: str) -> None:
    path = store_in(tmp_path).path_of(module)
    folder = tmp_path / ENVIRONMENT
    assert ".." not in path.parts
    assert path.resolve().is_relative_to(folder.resolve())


@pytest.mark.parametrize("environment", ["../x", "cpython", "/", "", "cpython-3.11-linux-x86_64/.."])
def test_an_environment_that_is_no_key_is_refused(tmp_path: Path, environment: str) -> None:
    with pytest.raises(BaselineError, match="is not an environment"):
        BaselineStore(tmp_path, environment)


def test_a_missing_file_has_no_entries(tmp_path: Path) -> None:
    store = store_in(tmp_path / "missing")
    assert store.load("tests/test_x.py") == ModuleBaseline("tests/test_x.py")
    assert not store.exists()
    assert store.modules() == ()
    assert store.environments() == ()


def test_environments_are_those_with_entries(tmp_path: Path) -> None:
    store_in(tmp_path).save([ModuleBaseline("t.py", entries={"a": Entry({"peak": 1})})])
    (tmp_path / "empty").mkdir()
    (tmp_path / "compose").mkdir()
    (tmp_path / "compose/docker.yml").write_text("services: {}")
    assert store_in(tmp_path).environments() == (ENVIRONMENT,)
    assert store_in(tmp_path).exists()


def test_a_module_without_entries_leaves_no_file(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.save([ModuleBaseline("tests/deep/t.py", entries={"a": Entry({"peak": 1})})])
    store.save([ModuleBaseline("tests/deep/t.py")])
    assert list(tmp_path.iterdir()) == []


def test_an_update_changes_only_what_it_names(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.update(
        {"a.py::x": Entry({"peak": 1}), "a.py::y": Entry({"peak": 2}), "b.py::z": Entry({"peak": 3})}
    )
    before = store.path_of("b.py").stat().st_mtime_ns
    store.update(
        {"a.py::x": None, "a.py::y": Entry({"peak": 5})}, meter="memray", made_with={"memray": "1.20"}
    )
    assert store.entries_of(["a.py::y", "b.py::z"]) == {
        "a.py::y": Entry({"peak": 5}, meter="memray"),
        "b.py::z": Entry({"peak": 3}),
    }
    assert store.load("a.py").meter == "memray"
    assert store.path_of("b.py").stat().st_mtime_ns == before


@pytest.mark.parametrize("test_id", ["a/t.py::test_x", "a/t.py::C::test_x[a::b]", "a/t.py", "::x"])
def test_an_id_splits_and_joins(test_id: str) -> None:
    assert join_id(*split_id(test_id)) == test_id


def test_half_a_character_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.save([ModuleBaseline("t.py", entries={"a": Entry({"peak": 1})})])
    with pytest.raises(BaselineError, match="surrogate pair"):
        store.save([ModuleBaseline("t.py", entries={"\udc80": Entry({"peak": 1})})])
    assert store.load("t.py").entries == {"a": Entry({"peak": 1})}


def test_the_gitignore_leaves_the_baseline_to_review(tmp_path: Path) -> None:
    write_gitignore(tmp_path)
    lines = (tmp_path / ".gitignore").read_text().splitlines()
    assert "/results/" in lines
    assert "/profiles/" in lines
    assert not any("baseline" in line for line in lines if not line.startswith("#"))


def test_a_gitignore_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    write_gitignore(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def _add_entries(directory: Path, name: str, count: int) -> None:
    store = store_in(directory)
    for number in range(count):
        with store.locked():
            store.update({f"t.py::{name}{number}": Entry({"peak": number})})


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add_entries, args=(tmp_path, name, 25)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert len(store_in(tmp_path).load("t.py").entries) == 50
