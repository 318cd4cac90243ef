"""Test ids with anything in them: kept, shown harmlessly, accepted, and found again."""

from __future__ import annotations

import shlex

import pytest

from tests.guarded_project import GuardedProject

UNESCAPED = "disable_test_id_escaping_and_forfeit_all_rights_to_community_support"
ODD = {
    "spaces": "a b  c",
    "unicode": "größe ☃ 数",
    "slashes": "a/b\\\\c/../d",
    "brackets": "x[1]::y",
    "quotes": 'it\'s \\"quoted\\"',
    "escapes": "\\x1b[31mred\\x1b]0;title\\x07",
    "newlines": "a\\nb\\tc",
    "long": "n" * 4000,
    "bidi": "a\\u202eb",
    "yaml": "key: {a: b} # c",
    "dash": "-rf",
    "colons": "::",
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_id_is_measured_accepted_and_fails_like_any_other(project: GuardedProject, kind: str) -> None:
    project.write(
        test_it=f"""
            import os, pytest

            @pytest.mark.memguard
            @pytest.mark.parametrize("n", [0], ids=["{ODD[kind]}"])
            def test_odd(n): held = bytearray(int(os.environ["SIZE"]))
        """
    )
    project.write({"pytest.ini": f"[pytest]\n{UNESCAPED} = true\n"})
    project.let(SIZE=100_000)
    assert project.accept().code == 0
    assert set(project.run().outcomes().values()) == {"ok"}
    project.let(SIZE=300_000)
    run = project.run("--junitxml=junit.xml", "--tb=no", "-q")
    (test,) = run.file["tests"]
    assert test["outcome"] == "grew"
    summary = run.summary
    assert not any(character in summary for character in "\x1b\x07\u202e\t\r")
    offered = summary.partition("Accept what is intended:")[2]  # below it, where it does not fit
    assert shlex.split(offered)[:2] == ["memguard", "accept"]
    assert len(shlex.split(offered)) == 3
    assert project.junit().get("failures") == "1"


def test_odd_files_and_folders(project: GuardedProject) -> None:
    text = "import pytest\n@pytest.mark.memguard\ndef test_it(): held = bytearray(100_000)\n"
    project.write({"a folder/test_ü x.py": text, "b/test_it.py": text, "c/test_it.py": text})
    assert project.accept("--import-mode=importlib").counted() == {"passed": 3}
    run = project.run("--import-mode=importlib")
    assert {test["id"]: test["outcome"] for test in run.file["tests"]} == {
        "a folder/test_ü x.py::test_it": "ok",
        "b/test_it.py::test_it": "ok",
        "c/test_it.py::test_it": "ok",
    }
    assert project.run("--import-mode=importlib", "b").counted() == {"passed": 1}


def test_a_run_from_another_folder_uses_the_projects_baseline(
    project: GuardedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import pytest\n@pytest.mark.memguard\ndef test_it(): held = bytearray(100_000)\n"
    project.write({"pyproject.toml": "[tool.pytest.ini_options]\n", "b/test_it.py": text})
    project.accept()
    monkeypatch.chdir(project.root / "b")
    assert {test["id"]: test["outcome"] for test in project.run().file["tests"]} == {
        "b/test_it.py::test_it": "ok"
    }
    assert not (project.root / "b/.memguard").exists()
