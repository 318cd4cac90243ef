"""`memguard history`: each step of the git history of a baseline, under every name that a test had."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_memguard.core.entries import Entry, EntrySite
from pytest_memguard.storage.baseline import BaselineStore
from tests.cli.running import HERE, KIB, CommandProject
from tests.made_repository import METER, MadeRepository

A = "tests/test_x.py::a"


@pytest.fixture
def made(shop: CommandProject) -> MadeRepository:
    """Return a repository in the project's folder."""
    return MadeRepository(shop.root)


def steps(shop: CommandProject, *patterns: str) -> dict[str, list[dict[str, object]]]:
    output = shop.memguard("history", "--format", "json", *patterns)
    assert output.code == 0, output.error
    return {test["id"]: test["steps"] for test in json.loads("\n".join(output.lines))["tests"]}


def peaks(found: list[dict[str, object]]) -> list[int | None]:
    return [step["now"]["peak"] if step["now"] else None for step in found]  # type: ignore[index]  # JSON


def test_each_step_has_its_commit_day_author_and_note(shop: CommandProject, made: MadeRepository) -> None:
    made.accept({A: 100 * KIB}, day="2026-03-01", author="Ana Silva")
    made.accept({A: 155 * KIB}, day="2026-05-02", author="Bo Li", note="holds 10k entries now, see #482")
    made.accept({"tests/test_x.py::b": 5}, day="2026-05-03", author="Cy")
    lines = shop.memguard("history", A).lines
    first, second = (commit[:10] for commit in made.commits[:2])
    assert lines == [
        A,
        "  ▆█  peak 100.0 KiB -> 155.0 KiB (+55%)",
        f"  2026-03-01  {first}  Ana Silva       new, peak 100.0 KiB",
        f"  2026-05-02  {second}  Bo Li           peak 100.0 KiB -> 155.0 KiB (+55%)",
        "      note: holds 10k entries now, see #482",
        "",
        f"1 test, 2 commits of the baseline, {HERE}.",
    ]


def test_without_a_test_each_has_a_line(shop: CommandProject, made: MadeRepository) -> None:
    made.accept({A: 100 * KIB, "tests/test_y.py::b": KIB}, author="Ana")
    made.accept({A: 155 * KIB}, author="Bo", day="2026-06-01")
    assert shop.memguard("history").lines[:4] == [
        A,
        "  ▆█  peak 100.0 KiB -> 155.0 KiB (+55%)  2026-06-01  Bo",
        "tests/test_y.py::b",
        "  █  peak 1.0 KiB  2026-01-01  Ana",
    ]


def test_a_test_is_followed_where_its_file_or_its_name_changed(
    shop: CommandProject, made: MadeRepository
) -> None:
    other = {f"tests/test_x.py::other{number}": 1000 + number for number in range(5)}
    made.accept({A: 100 * KIB} | other)
    made.rename("tests/test_x.py", "tests/io/test_z.py")
    made.accept({"tests/io/test_z.py::a": 120 * KIB})
    made.accept({"tests/io/test_z.py::a": None, "tests/io/test_z.py::b": 120 * KIB})
    made.accept({"tests/io/test_z.py::b": 130 * KIB})
    found = steps(shop)["tests/io/test_z.py::b"]
    assert peaks(found) == [size * KIB for size in (100, 100, 120, 120, 130)]
    assert [step["renaming"] for step in found] == [
        None,
        {"old_id": A, "evidence": "file"},
        None,
        {"old_id": "tests/io/test_z.py::a", "evidence": "numbers"},
        None,
    ]
    text = "\n".join(shop.memguard("history", "tests/io/test_z.py::b").lines)
    assert f"was {A} before (its file was renamed)" in text
    assert "was tests/io/test_z.py::a before (by its numbers)" in text


def test_a_baseline_is_followed_where_its_folder_was_moved(
    shop: CommandProject, made: MadeRepository
) -> None:
    settings = shop.root / "pyproject.toml"
    settings.write_text("[tool.memguard]\n")
    made.accept({A: 100 * KIB, "tests/test_y.py::b": 7})
    made.accept({A: 110 * KIB})
    settings.write_text('[tool.memguard]\nbaseline = "memory"\n')
    shutil.move(shop.root / ".memguard/baseline", shop.root / "memory")
    made.store = BaselineStore(shop.root / "memory", HERE)
    found = steps(shop)
    assert peaks(found[A]) == [100 * KIB, 110 * KIB], "also before the move is committed"
    made.accept({A: 125 * KIB})
    settings.write_text('[tool.memguard]\nbaseline = "memory/here"\n')
    shutil.copytree(shop.root / "memory" / HERE, shop.root / "memory/here" / HERE)
    made.commit()
    made.store = BaselineStore(shop.root / "memory/here", HERE)
    made.accept({A: 140 * KIB})
    found = steps(shop)
    assert peaks(found[A]) == [size * KIB for size in (100, 110, 125, 140)]
    assert [step["was"] and step["was"]["peak"] for step in found[A][1:]] == [  # type: ignore[index]  # JSON
        size * KIB for size in (100, 110, 125)
    ]
    assert len(found["tests/test_y.py::b"]) == 1


def test_a_project_is_followed_where_it_was_moved(shop: CommandProject, made: MadeRepository) -> None:
    made.accept({A: 100 * KIB})
    made.accept({A: 110 * KIB})
    (shop.root / "app").mkdir()
    for name in (".memguard", "pyproject.toml"):
        shutil.move(shop.root / name, shop.root / "app")
    made.store = BaselineStore(shop.root / "app/.memguard/baseline", HERE)
    made.accept({A: 140 * KIB})
    output = shop.memguard("--root", str(shop.root / "app"), "history", "--format", "json")
    (test,) = json.loads("\n".join(output.lines))["tests"]
    assert peaks(test["steps"]) == [size * KIB for size in (100, 110, 140)]


def test_the_baseline_of_another_project_is_none_of_this_one(
    shop: CommandProject, made: MadeRepository, tmp_path: Path
) -> None:
    other = BaselineStore(shop.root / "other/.memguard/baseline", HERE)
    other.update({"tests/test_o.py::o": Entry({"peak": 9})}, meter=METER, made_with={})
    made.commit()
    other.update({"tests/test_o.py::o": None}, meter=METER, made_with={})
    made.accept({A: 100})
    assert {name: peaks(found) for name, found in steps(shop).items()} == {A: [100]}


def test_a_test_with_another_name_and_figure_may_be_a_removed_one(
    shop: CommandProject, made: MadeRepository
) -> None:
    made.accept({A: 100 * KIB, "tests/test_x.py::b": 7})
    made.accept({A: None, "tests/test_x.py::z": 110 * KIB})
    found = steps(shop)["tests/test_x.py::z"]
    assert (peaks(found), found[0]["perhaps"]) == ([110 * KIB], [A])
    assert f"      may have been {A} before" in shop.memguard("history", "tests/test_x.py::z").lines


def test_a_name_is_guessed_for_nobody(shop: CommandProject, made: MadeRepository) -> None:
    made.accept({A: 100 * KIB, "tests/test_x.py::b": 100 * KIB, "tests/test_x.py::zero": 0})
    made.accept(
        {A: None, "tests/test_x.py::b": None, "tests/test_x.py::zero": None}
        | {"tests/test_x.py::c": 100 * KIB, "tests/test_x.py::d": 7, "tests/test_x.py::nought": 0}
    )
    found = steps(shop)
    assert {name: len(each) for name, each in found.items()} == dict.fromkeys(
        ("tests/test_x.py::c", "tests/test_x.py::d", "tests/test_x.py::nought"), 1
    )


def test_numbers_with_other_sites_are_another_entry(shop: CommandProject, made: MadeRepository) -> None:
    put, get = (EntrySite(f"shop/cache.py:{name}", 900) for name in ("put", "get"))
    made.accept({A: Entry({"peak": 1000}, sites=(put,))})
    made.accept({A: None, "tests/test_x.py::b": Entry({"peak": 1000}, sites=(get,))})
    assert len(steps(shop)["tests/test_x.py::b"]) == 1


def test_what_a_merge_decides_itself_is_a_step_and_what_it_takes_over_is_none(
    shop: CommandProject, made: MadeRepository
) -> None:
    made.accept({A: 100, "tests/test_x.py::b": 100, "tests/test_x.py::c": 100})
    made.git("checkout", "-q", "-b", "side")
    made.accept({A: 110, "tests/test_x.py::b": 110}, author="Side")
    made.git("checkout", "-q", "-")
    made.accept({A: 120}, author="Main")
    made.merge("side", {A: 130, "tests/test_x.py::b": 110}, author="Merger")
    found = steps(shop)
    assert [(step["author"], step["now"]["peak"]) for step in found["tests/test_x.py::b"]] == [  # type: ignore[index]  # JSON
        ("Ana", 100),
        ("Side", 110),
    ]
    assert found[A][-1]["author"] == "Merger"
    assert set(peaks(found[A])) == {100, 110, 120, 130}


def test_a_test_that_went_is_shown_where_it_is_named(shop: CommandProject, made: MadeRepository) -> None:
    made.accept({A: 100, "tests/test_x.py::b": 7})
    made.accept({A: None})
    assert list(steps(shop)) == ["tests/test_x.py::b"]
    assert peaks(steps(shop, A)[A]) == [100, None]


def test_a_commit_that_cannot_be_read_is_named_and_what_follows_is_compared_with_the_one_before(
    shop: CommandProject, made: MadeRepository
) -> None:
    made.accept({A: 100})
    path = shop.store().path_of("tests/test_x.py")
    text = path.read_text()
    path.write_text(f"<<<<<<< ours\n{text}=======\n")
    made.commit()
    path.write_text(text)
    made.accept({A: 110})
    lines = shop.memguard("history", A).lines
    assert lines[-1] == (
        f"Not readable, so not shown: {made.commits[1][:10]}:.memguard/baseline/{HERE}/tests/test_x.py.yml."
    )
    assert peaks(steps(shop)[A]) == [100, 110]


def test_a_shallow_clone_says_so(shop: CommandProject, made: MadeRepository, tmp_path: Path) -> None:
    made.accept({A: 100})
    made.accept({A: 110})
    clone = tmp_path / "clone"
    made.git("clone", "-q", "--depth", "1", f"file://{shop.root}", str(clone))
    output = shop.memguard("--root", str(clone), "history", A)
    assert output.lines[-1].startswith("This clone is shallow")


def test_names_of_others_are_shown_and_not_obeyed(shop: CommandProject, made: MadeRepository) -> None:
    made.accept({"tests/test_x.py::a[\x1b[31m]": 100}, author="An\x1b[5ma", note="\u202esee <b>")
    text = "\n".join(shop.memguard("history", "tests/*").lines)
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("place", ["no repository", "no commit", "no baseline"])
def test_without_a_history_an_error_says_what_is_missing(place: str, shop: CommandProject) -> None:
    if place != "no repository":
        made = MadeRepository(shop.root)
        if place == "no baseline":
            (shop.root / "a.txt").write_text("")
            made.commit()
    output = shop.memguard("history")
    assert (output.code, output.lines) == (3 if place == "no baseline" else 2, [])
    said = {"no repository": "is in no git repository", "no commit": "git cannot read the history"}
    assert said.get(place, f"no commit has a baseline for {HERE}") in output.error


def test_two_hundred_commits_with_renames_are_read_in_few_processes(
    shop: CommandProject, made: MadeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = {f"test_{number}": 1000 + 7 * number for number in range(20)}
    courses = {name: [peak] for name, peak in now.items()}
    versions = [dict(now)]
    for number in range(1, 200):
        name = sorted(now)[number % 20]
        if number % 10 == 0:
            now[f"new_{number}"], courses[f"new_{number}"] = now.pop(name), courses.pop(name)
        else:
            now[name] += number
            courses[name].append(now[name])
        versions.append(dict(now))
    made.import_history(
        [{f"tests/test_x.py::{name}": peak for name, peak in each.items()} for each in versions]
    )
    runs = 0
    real = subprocess.run

    def counting(*args: object, **kwargs: object) -> object:
        nonlocal runs
        runs += 1
        return real(*args, **kwargs)  # type: ignore[call-overload]  # passed on as it came

    monkeypatch.setattr(subprocess, "run", counting)
    found = steps(shop)
    assert runs <= 5, "one process for each question, not for each commit"
    courses = {f"tests/test_x.py::{name}": course for name, course in courses.items()}
    assert {
        name: peaks([step for step in each if not step["renaming"]]) for name, each in found.items()
    } == courses
    assert sum(bool(step["renaming"]) for each in found.values() for step in each) == 19


def test_curves_beside_the_entries_are_no_history(shop: CommandProject, made: MadeRepository) -> None:
    path = shop.store().curves_path_of("tests/test_x.py")
    for peak in (100 * KIB, 155 * KIB):
        made.write({A: peak})
        path.write_text(json.dumps({"a": {"peak": peak, "held": []}}), encoding="utf-8")
        made.commit()
    output = shop.memguard("history", A)
    assert output.code == 0
    assert output.lines[-1] == f"1 test, 2 commits of the baseline, {HERE}."


def test_a_test_that_is_renamed_is_followed_where_its_own_function_is_a_site(
    shop: CommandProject, made: MadeRepository
) -> None:
    def entry(name: str) -> Entry:
        return Entry({"peak": 100 * KIB}, sites=(EntrySite(f"tests/test_x.py:{name}", peak_bytes=100 * KIB),))

    made.accept({A: entry("a")}, day="2026-03-01")
    made.accept({A: None, "tests/test_x.py::z[1]": entry("z")}, day="2026-05-02")
    found = steps(shop, "tests/test_x.py::z[1]")["tests/test_x.py::z[1]"]
    assert [step["renaming"] and step["renaming"]["old_id"] for step in found] == [None, A]  # type: ignore[index]  # JSON
