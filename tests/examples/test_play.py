"""The player of pages: what it runs, and what it calls untrue."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

PLAY = Path(__file__).resolve().parents[2] / "examples/play.py"

PAGES = {
    "a command that prints what is shown": ("```console\n$ echo one\none\n```", True),
    "dots for some lines": ("```console\n$ printf 'a\\nb\\nc\\n'\na\n...\nc\n```", True),
    "dots inside a line": ("```console\n$ echo from here to there\nfrom ... there\n```", True),
    "a line that is not printed": ("```console\n$ echo one\none\ntwo\n```", False),
    "a line that is not shown": ("```console\n$ printf 'one\\ntwo\\n'\none\n```", False),
    "a command that fails and shows nothing": ("```console\n$ false\n```", False),
    "a file that is written": (
        '```text title="a/b.txt"\nhello\n```\n\n```console\n$ cat a/b.txt\nhello\n```',
        True,
    ),
    "a file in a comment": ("<!-- file: a.txt\nhello\n-->\n\n```console\n$ cat a.txt\nhello\n```", True),
    "a command of two lines": ("```console\n$ echo one \\\n> two\none two\n```", True),
    "a test that passes": ("```python\ndef test_one(): assert True\n```", True),
    "a test that fails": ("```python\ndef test_one(): assert False\n```", False),
    "settings that exist": ('```toml\n[tool.memguard]\ntolerance = "2%"\n```', True),
    "settings that do not exist": ("```toml\n[tool.memguard]\ntolerence = 2\n```", False),
    "YAML that cannot be read": ("```yaml\na: [\n```", False),
    "a language nobody checks": ("```fortran\nEND\n```", False),
    "a block that is kept from being played": ('```console skip="needs a server"\n$ false\n```', True),
}


@pytest.mark.parametrize("name", PAGES)
def test_check_tells_true_pages_from_untrue_ones(name: str, tmp_path: Path) -> None:
    text, true = PAGES[name]
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{dedent(text)}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(PLAY), "--check", str(page)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == (0 if true else 1), done.stderr
    assert ("page.md:3" in done.stderr) is not true


def test_on_another_platform_figures_may_differ_and_words_may_not() -> None:
    pattern_of = runpy.run_path(str(PLAY))["pattern_of"]
    shown = ["leaked: 10... KiB a call (peak 1,024 B)"]
    there = "leaked: 9.75 KiB a call (peak 96 B)\n"
    assert pattern_of(shown, exact=False).fullmatch(there)
    assert not pattern_of(shown, exact=False).fullmatch(there.replace("call", "test"))
    assert not pattern_of(shown, exact=True).fullmatch(there)
    ok, new = "2 ok  (memray)", "2 no-baseline  (memray)\n"
    assert pattern_of([ok], exact=False).fullmatch(new)
    assert not pattern_of([ok], exact=True).fullmatch(new)
    assert pattern_of(shown, exact=True).fullmatch("leaked: 10.3 KiB a call (peak 1,024 B)\n")
