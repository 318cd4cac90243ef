"""`memguard check`: the baseline of a pull request, without a run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from pytest_memguard.cli import COMMANDS
from pytest_memguard.core.entries import Entry
from pytest_memguard.storage.baseline import BaselineStore
from tests.cli.running import HERE, KIB, CommandProject, measured
from tests.docs.pages import ROOT
from tests.made_repository import METER, MadeRepository

A, B, C = (f"tests/test_x.py::{name}" for name in "abc")


@pytest.fixture(autouse=True)
def no_pull_request(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_DIFF_BASE_SHA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def made(shop: CommandProject) -> MadeRepository:
    """Return a repository that has accepted two tests, on a branch of its own since then."""
    (shop.root / "pyproject.toml").write_text('[tool.memguard]\nrequire_note = "10%"\n')
    made = MadeRepository(shop.root)
    made.accept({A: 100 * KIB, B: 200 * KIB})
    made.git("branch", "target")
    made.git("checkout", "-q", "-b", "change")
    return made


def test_what_a_branch_accepts_is_listed_with_its_sums(shop: CommandProject, made: MadeRepository) -> None:
    made.accept({A: 150 * KIB, C: 7}, note="cache, see #1")
    made.accept({B: 180 * KIB})
    output = shop.memguard("check", "target")
    assert (output.code, output.error) == (0, "")
    assert output.lines == [
        f"{HERE}, accepted since {made.commits[0][:10]}: 1 new, 2 changed; peak +50.0 KiB and -20.0 KiB",
        f"  {A}  peak 100.0 KiB -> 150.0 KiB (+50%)",
        "      note: cache, see #1",
        f"  {C}  peak 7 B",
        "      note: cache, see #1",
        f"  {B}  peak 200.0 KiB -> 180.0 KiB (-10%)",
        "1 file of the baseline checked, all of them fine.",
    ]


def test_growth_without_its_own_note_ends_with_1(shop: CommandProject, made: MadeRepository) -> None:
    made.accept({A: 150 * KIB}, note="cache, see #1")
    assert shop.memguard("check", "target").code == 0
    made.git("branch", "-f", "target")
    made.accept({A: 250 * KIB}, note="cache, see #1")
    output = shop.memguard("check", "target")
    assert output.code == 1
    assert (
        '      NO NOTE: peak 150.0 KiB -> 250.0 KiB (+66.7%). Accept it again with --note "WHY"'
        in output.lines
    )


@pytest.mark.parametrize(("own", "said"), [("", "nothing"), ('require_note = "80%"', "80%")])
def test_a_branch_cannot_ask_for_fewer_notes_than_where_it_began(
    shop: CommandProject, made: MadeRepository, own: str, said: str
) -> None:
    (shop.root / "pyproject.toml").write_text(f"[tool.memguard]\n{own}\n")
    made.accept({A: 150 * KIB})
    output = shop.memguard("check", "target")
    assert output.code == 1
    assert (
        f"require_note is 10% in {made.commits[0][:10]}, which counts; this branch says {said}."
        in output.lines
    )


def test_a_renamed_test_needs_its_note_all_the_same(shop: CommandProject, made: MadeRepository) -> None:
    old = shop.store().load("tests/test_x.py").entries
    made.write({A: None, B: None})
    made.accept({"tests/test_z.py::a": old["a"], "tests/test_z.py::b": 900 * KIB})
    output = shop.memguard("check", "target")
    assert output.code == 1
    assert f"      was {B} before" in output.lines


@pytest.mark.parametrize("note", [".", "42", "#"])
def test_a_note_without_words_is_none(note: str, shop: CommandProject, made: MadeRepository) -> None:
    made.accept({A: 150 * KIB}, note=note)
    output = shop.memguard("check", "target")
    assert output.code == 1
    assert f"      note: {note} (a note must have at least 3 letters)" in output.lines


def test_room_to_grow_that_was_written_by_hand_is_named_and_needs_a_note(
    shop: CommandProject, made: MadeRepository
) -> None:
    made.accept({A: Entry({"peak": 100 * KIB, "allocations": 5})})
    made.git("branch", "-f", "target")
    spread = {"peak": 50 * KIB}
    made.accept({A: Entry({"peak": 100 * KIB, "allocations": 500}, spread)})
    output = shop.memguard("check", "target")
    assert output.code == 1
    assert f"  {A}  allocations 5 -> 500" in output.lines
    assert "      looser: peak may vary by 50.0 KiB, was 0 B" in output.lines
    assert 'NO NOTE: peak may vary by 50.0 KiB, was 0 B. Accept it again with --note "WHY"' in output.lines[3]
    made.accept({A: Entry({"peak": 90 * KIB, "allocations": 900}, spread)})
    assert "allocations 5 -> 900" in "\n".join(shop.memguard("check", "target").lines)


def move_baseline(made: MadeRepository, how: str) -> BaselineStore:
    """Let the baseline lie elsewhere, as a pull request may do it; return it."""
    old = made.store.directory
    new = made.root / ("memory" if how != "project" else "app/.memguard/baseline")
    if how == "project":
        (made.root / "app").mkdir()
        shutil.move(made.root / ".memguard", made.root / "app")
        shutil.move(made.root / "pyproject.toml", made.root / "app")
    else:
        shutil.copytree(old, new)
        settings = made.root / "pyproject.toml"
        settings.write_text(f'{settings.read_text()}baseline = "memory"\n')
    if how == "files":
        shutil.rmtree(old)
    return BaselineStore(new, HERE)


@pytest.mark.parametrize("how", ["files", "copies", "project"])
def test_growth_in_a_folder_that_was_moved_needs_its_note(
    how: str, shop: CommandProject, made: MadeRepository
) -> None:
    moved = move_baseline(made, how)
    root = ("--root", str(made.root / "app")) if how == "project" else ()
    made.commit()
    output = shop.memguard(*root, "check", "target")
    assert (output.error, output.lines) == ("", ["1 file of the baseline checked, all of them fine."])
    moved.update({A: Entry({"peak": 900 * KIB})}, meter=METER, made_with={})
    made.commit()
    output = shop.memguard(*root, "check", "target")
    assert output.code == 1
    assert "NO NOTE: peak 100.0 KiB -> 900.0 KiB" in "\n".join(output.lines)


@pytest.mark.parametrize("now", ["test/test_x.py::a", "tests/other/test_new.py::a", "tests/test_x.py::z"])
def test_growth_of_a_test_that_was_moved_or_renamed_needs_its_note(
    now: str, shop: CommandProject, made: MadeRepository
) -> None:
    made.accept({A: None, now: 900 * KIB})
    output = shop.memguard("check", "target")
    assert output.code == 1
    assert "peak 100.0 KiB -> 900.0 KiB" in "\n".join(output.lines)
    assert shop.memguard("check", "target").code == 1
    made.write({now: 900 * KIB}, note="holds more, see #1")
    assert shop.memguard("check", "target").code == 0


def test_what_cannot_be_read_in_the_target_is_named(shop: CommandProject, made: MadeRepository) -> None:
    path = shop.store().path_of("tests/test_x.py")
    text = path.read_text()
    path.write_text("<<<<<<< ours\n")
    made.commit()
    made.git("branch", "-f", "target")
    path.write_text(text)
    assert "Not readable in" in shop.memguard("check", "target").lines[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("peak: 102_400", "peak: 102400", ":7: '    peak: 102400' is not what `memguard accept` writes"),
        ("    peak: 102_400", "    peak: -5", "tests > a > peak is -5"),
        ("format: 1", "format: 1\n# hand", ":3: '# hand' is not what"),
        ("tests:\n", "<<<<<<< ours\ntests:\n", "conflict"),
    ],
)
def test_what_accept_does_not_write_ends_with_2(
    old: str, new: str, said: str, shop: CommandProject, made: MadeRepository
) -> None:
    path = shop.store().path_of("tests/test_x.py")
    path.write_text(path.read_text().replace(old, new))
    output = shop.memguard("check", "target")
    assert output.code == 2
    assert said in output.lines[0]
    assert str(path) in output.lines[0]


def test_a_file_that_was_moved_with_its_tests_is_as_accept_wrote_it(
    shop: CommandProject, made: MadeRepository
) -> None:
    old, new = (shop.store().path_of(f"{folder}/test_x.py") for folder in ("tests", "suite"))
    new.parent.mkdir()
    old.rename(new)
    output = shop.memguard("check", "target")
    assert output.code == 0
    assert f"      was {A} before" in output.lines
    new.write_text(new.read_text().replace("# Accepted memory of tests/test_x.py", "# Accepted for all"))
    assert shop.memguard("check", "target").code == 2


def test_what_an_earlier_version_wrote_is_as_it_was(shop: CommandProject, made: MadeRepository) -> None:
    path = shop.store().path_of("tests/test_x.py")
    path.write_text(path.read_text().replace("# Accepted memory of", "# Memory of"))
    made.commit()
    made.git("branch", "-f", "target")
    assert shop.memguard("check", "target").code == 0
    path.write_text(path.read_text().replace("102_400", "102_500"))
    assert shop.memguard("check", "target").code == 2


def test_a_file_that_is_never_read_is_named(shop: CommandProject, made: MadeRepository) -> None:
    path = shop.store().path_of("tests/test_x.py")
    stray = path.with_name("test%2Dy.py.yml")
    stray.write_text(path.read_text())
    output = shop.memguard("check")
    assert output.code == 2
    assert "is never read" in output.lines[0]


def test_the_target_of_a_pull_request_is_what_ci_says(
    shop: CommandProject, made: MadeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.accept({A: 101 * KIB})
    monkeypatch.setenv("GITHUB_BASE_REF", "target")
    assert made.commits[0][:10] in shop.memguard("check").lines[0]
    monkeypatch.setenv("GITHUB_BASE_REF", "gone")
    output = shop.memguard("check")
    assert output.code == 2
    assert "there is no commit 'gone' in this clone" in output.error


def test_before_a_commit_it_looks_at_what_is_not_committed(
    shop: CommandProject, made: MadeRepository
) -> None:
    made.write({A: 900 * KIB})
    assert shop.memguard("check").code == 1


def test_without_a_baseline_or_a_repository(shop: CommandProject) -> None:
    assert shop.memguard("check").code == 3
    shop.accepted(a=5)
    assert shop.memguard("check").lines == ["1 file of the baseline checked, all of them fine."]
    assert shop.memguard("check", "main").code == 2


def test_accept_wants_a_note_for_much_growth_and_changes_nothing_without(shop: CommandProject) -> None:
    (shop.root / "pyproject.toml").write_text('[tool.memguard]\nrequire_note = "10%"\n')
    shop.accepted(a=100 * KIB, b=100 * KIB)
    was = Entry({"peak": 100 * KIB})
    shop.run(measured("a", 200 * KIB, was), measured("b", 90 * KIB, was), measured("c", 5 * KIB))
    for arguments in (["accept"], ["accept", "--dry-run"]):
        output = shop.memguard(*arguments)
        assert output.code == 2
        assert f"memguard: {A}: peak 100.0 KiB -> 200.0 KiB (+100%); nothing was accepted" in output.error
        assert f'Say why: memguard accept {A} --note "WHY"' in output.error
    assert shop.entries(A)[A] == was
    assert shop.memguard("accept", A, "--note", "cache, see #1").code == 0
    assert shop.memguard("accept").code == 0, "what shrank or is new wants none"


def test_the_hook_of_pre_commit_runs_the_command() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    program, command = hook["entry"].split()
    assert (program, command in COMMANDS) == ("memguard", True)
    assert {"id", "name", "language", "files"} <= set(hook)
    assert hook["pass_filenames"] is False


def test_a_hook_of_git_does_not_lead_it_to_another_repository(
    shop: CommandProject,
    made: MadeRepository,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    other: Path = tmp_path_factory.mktemp("other")
    MadeRepository(other).accept({A: 1})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert shop.memguard("check", "target").code == 0
