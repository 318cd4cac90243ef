from __future__ import annotations

from pathlib import Path

import pytest

from pytest_memguard.core.entries import Entry
from pytest_memguard.core.outcome import Outcome
from tests.cli.running import HERE, KIB, CommandProject, measured, unmeasured
from tests.storage.bad_baselines import BAD_BASELINES, END

A = "tests/test_x.py::a"
B = "tests/test_x.py::b"


def test_the_first_run_is_accepted_and_reads_well(shop: CommandProject) -> None:
    shop.run(measured("a", 500 * KIB), unmeasured("b", Outcome.NOT_MEASURED))
    output = shop.memguard("accept", "--note", "first, see #1")
    assert output.lines == [f"  {A}  peak 500.0 KiB", f"1 entry accepted for {HERE}."]
    assert (output.code, output.error) == (0, "")
    assert shop.store().path_of("tests/test_x.py").read_text() == (
        "# Accepted memory of tests/test_x.py. Change it with `memguard accept`; review it like code.\n"
        "format: 1\n"
        "meter: memray\n"
        "made_with: {memray: 1.20.0, python: 3.11.7}\n"
        "tests:\n"
        "  a:\n"
        "    peak: 512_000\n"
        '    note: "first, see #1"\n'
        "    sites:\n"
        '    - {at: "shop/cache.py:put", peak: 512_000}\n'
    )
    assert "/results/" in (shop.root / ".memguard" / ".gitignore").read_text()


def test_only_what_grew_is_rewritten(shop: CommandProject) -> None:
    shop.accepted(a=100 * KIB, b=100 * KIB)
    was = Entry({"peak": 100 * KIB})
    shop.run(measured("a", 200 * KIB, was), measured("b", 101 * KIB, was))
    output = shop.memguard("accept")
    assert output.lines == [f"  {A}  peak 100.0 KiB -> 200.0 KiB (+100%)", f"1 entry accepted for {HERE}."]
    assert shop.entries(B)[B] == was


def test_all_rewrites_also_what_is_ok(shop: CommandProject) -> None:
    shop.accepted(a=100 * KIB)
    shop.run(measured("a", 101 * KIB, Entry({"peak": 100 * KIB})))
    nothing = shop.memguard("accept")
    assert nothing.lines == [f"Nothing to accept for {HERE}: 1 ok. To also rewrite what is ok, use --all."]
    assert nothing.code == 0
    assert shop.memguard("accept", "--all").lines[-1] == f"1 entry accepted for {HERE}."
    assert shop.entries(A)[A].metrics == {"peak": 101 * KIB}


def test_a_dry_run_says_and_changes_nothing(shop: CommandProject) -> None:
    shop.run(measured("a", 500 * KIB))
    output = shop.memguard("accept", "--dry-run")
    assert output.lines == [f"  {A}  peak 500.0 KiB", f"1 entry would be accepted for {HERE}."]
    assert not shop.store().exists()


def test_patterns_choose_the_tests(shop: CommandProject) -> None:
    shop.run(measured("a", 5 * KIB), measured("b[1]", 6 * KIB))
    shop.memguard("accept", "tests/test_x.py::b[1]")
    assert set(shop.entries(A)) == {"tests/test_x.py::b[1]"}


def test_a_pattern_that_fits_nothing_ends_with_3_and_changes_nothing(shop: CommandProject) -> None:
    shop.run(measured("alpha", 5 * KIB))
    output = shop.memguard("accept", "tests/test_x.py::alpa")
    assert output.code == 3
    assert output.error == (
        "memguard: no test of the last run matches 'tests/test_x.py::alpa'; "
        "near are 'tests/test_x.py::alpha'. List them with `memguard diff --all`. "
        "See docs/reference/messages.md#nothing-to-judge\n"
    )
    assert not shop.store().exists()


def test_shards_are_merged(shop: CommandProject) -> None:
    first = shop.run(measured("a", 5 * KIB), path=Path("one.json"))
    second = shop.run(measured("b", 6 * KIB), path=Path("two.json"))
    output = shop.memguard("accept", "--from", str(first), "--from", str(second))
    assert output.lines[-1] == f"2 entries accepted for {HERE}."
    assert set(shop.entries(A)) == {A, B}


def test_each_environment_of_a_matrix_gets_its_own_entries(shop: CommandProject) -> None:
    other = "cpython-3.12-macos-arm64"
    paths = [
        shop.run(measured("a", 5 * KIB), path=Path("one.json")),
        shop.run(measured("a", 7 * KIB), measured("b", 6 * KIB), path=Path("two.json"), environment=other),
    ]
    arguments = [part for path in paths for part in ("--from", str(path))]
    assert shop.memguard("accept", B, *arguments).code == 0
    assert not shop.store().exists()
    assert set(shop.store(other).entries_of([B])) == {B}
    assert shop.memguard("accept", *arguments).code == 0
    assert shop.entries(A)[A].metrics == {"peak": 5 * KIB}
    assert shop.store(other).entries_of([A])[A].metrics == {"peak": 7 * KIB}


def test_another_baseline_folder_can_be_named(shop: CommandProject) -> None:
    shop.run(measured("a", 5 * KIB))
    assert shop.memguard("accept", "--baseline", "memory").code == 0
    assert (shop.root / "memory" / HERE / "tests" / "test_x.py.yml").exists()


def test_the_settings_name_the_baseline_folder(shop: CommandProject) -> None:
    (shop.root / "pyproject.toml").write_text('[tool.memguard]\nbaseline = "memory"\n')
    shop.run(measured("a", 5 * KIB))
    assert shop.memguard("accept").code == 0
    assert (shop.root / "memory" / HERE / "tests" / "test_x.py.yml").exists()


@pytest.mark.parametrize("folder", ["tests", "tests/deep/er"])
def test_the_project_is_found_from_a_folder_below(
    shop: CommandProject, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.run(measured("a", 5 * KIB))
    (shop.root / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(shop.root / folder)
    assert shop.memguard("accept").code == 0
    assert shop.store().exists()


def test_the_project_can_be_named(
    shop: CommandProject, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shop.run(measured("a", 5 * KIB))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert shop.memguard("accept").code == 3
    assert shop.memguard("--root", str(shop.root), "accept").code == 0
    assert shop.store().exists()


def test_no_results_end_with_3(shop: CommandProject) -> None:
    output = shop.memguard("accept")
    assert (output.code, output.lines) == (3, [])
    assert output.error == (
        f"memguard: there are no results at {shop.root / '.memguard/results/last.json'}; create them with "
        "`pytest --memguard`. See docs/reference/messages.md#nothing-to-judge\n"
    )


def test_results_without_tests_end_with_3(shop: CommandProject) -> None:
    shop.run()
    output = shop.memguard("accept")
    assert output.code == 3
    assert "the results contain no guarded test; mark one, then run `pytest --memguard`." in output.error


@pytest.mark.parametrize("name", BAD_BASELINES)
def test_a_bad_baseline_ends_with_2_and_stays(shop: CommandProject, name: str) -> None:
    content, message = BAD_BASELINES[name]
    path = shop.store().path_of("tests/test_x.py")
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    shop.run(measured("a", 5 * KIB))
    for command in ("accept", "diff", "show"):
        output = shop.memguard(command)
        assert output.code == 2
        assert output.error == (
            f"memguard: {(message + END).format(file=path)} "
            "See docs/reference/messages.md#unreadable-baseline\n"
        )
    assert path.read_bytes() == before


def test_bad_results_end_with_2(shop: CommandProject) -> None:
    path = shop.run(measured("a", 5 * KIB))
    path.write_text(path.read_text()[:-40])
    output = shop.memguard("accept")
    assert output.code == 2
    assert output.error.endswith(
        "Create it again with `pytest --memguard`. See docs/reference/messages.md#unreadable-results\n"
    )


HOSTILE = "t\x1b[31m\x07\n\u202e"


def test_terminal_escapes_in_a_test_id_are_shown_not_sent(shop: CommandProject) -> None:
    shop.run(measured(HOSTILE, 5 * KIB))
    for arguments in (("diff",), ("accept",), ("show",), ("accept", "x\x1b[31m"), ("prune", "tests")):
        output = shop.memguard(*arguments)
        shown = "\n".join(output.lines) + output.error
        assert "\\x1b[31m" in shown
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_ids_of_any_shape_are_accepted_and_then_ok(shop: CommandProject) -> None:
    names = ["with space", "ünï[日本]", "a/b\\c[::]", "x" * 4000, "# no: comment", '"quoted"', HOSTILE]
    shop.run(*(measured(name, 5 * KIB) for name in names))
    assert shop.memguard("accept").lines[-1] == f"7 entries accepted for {HERE}."
    assert set(shop.entries(A)) == {f"tests/test_x.py::{name}" for name in names}
    assert shop.memguard("accept").lines == [f"Nothing to accept for {HERE}: 7 new."]


def test_a_hostile_module_writes_nothing_outside(shop: CommandProject) -> None:
    hostile = measured("a", 5 * KIB)
    for number, module in enumerate(("../../../escaped.py", "/tmp/escaped.py", "..")):
        object.__setattr__(hostile, "id", f"{module}::a")
        shop.run(hostile, path=Path(f"{number}.json"))
        assert shop.memguard("accept", "--from", f"{number}.json").code == 0
    outside = [path for path in shop.root.parent.rglob("*escaped*") if "baseline" not in path.parts]
    assert outside == []
    assert not Path("/tmp/escaped.py.yml").exists()
    assert len(shop.store().modules()) == 3
