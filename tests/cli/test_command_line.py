from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_memguard.cli import COMMANDS
from pytest_memguard.core.entries import Entry
from tests.cli.running import KIB, CommandProject, measured

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
RUN = "from pytest_memguard.cli import main; main()"


def in_a_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def test_help_lists_every_command(shop: CommandProject) -> None:
    output = shop.memguard("--help")
    assert output.code == 0
    assert [line.split()[0] for line in output.lines[output.lines.index("Commands:") + 1 :]] == list(COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--root", "", "show"),
        ("show", "--baseline", ""),
        ("history", "--environment", " "),
        ("summary", "--from", ""),
        ("report", "--output", ""),
    ],
)
def test_an_empty_path_or_name_is_a_usage_error(shop: CommandProject, arguments: tuple[str, ...]) -> None:
    output = shop.memguard(*arguments)
    assert output.code == 2
    assert "the value is empty" in output.error


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(shop: CommandProject, command: str) -> None:
    output = shop.memguard(command, "--help")
    assert output.code == 0
    assert output.lines[0].startswith(f"Usage: memguard {command}")
    assert max(map(len, output.lines)) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reference_has_every_command_and_option(shop: CommandProject, command: str) -> None:
    section = (
        REFERENCE.read_text(encoding="utf-8").partition(f"\n## memguard {command}\n")[2].partition("\n## ")[0]
    )
    help_text = "\n".join(shop.memguard(command, "--help").lines)
    options = set(re.findall(r"(?<![\w-])--[a-z-]+", help_text)) - {"--help"}
    assert section, f"docs/reference/commands.md has no section on {command}"
    assert [option for option in sorted(options) if f"`{option}" not in section] == []
    assert [
        option for option in re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE) if option not in options
    ] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("acept",), "there is no command 'acept', did you mean 'accept'?"),
        (("accept", "--al"), "No such option"),
        (("accept", "--from"), "requires an argument"),
        (("--root", "missing", "show"), "does not exist"),
    ],
)
def test_usage_errors_end_with_2(shop: CommandProject, arguments: tuple[str, ...], message: str) -> None:
    output = shop.memguard(*arguments)
    assert output.code == 2
    assert message in output.error


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("[tool.memguard\n", "pyproject.toml:1: is not TOML: "),
        ('[tool.memguard]\ntolerence = "2%"\n', "has no key 'tolerence', did you mean 'tolerance'?"),
    ],
)
def test_bad_settings_end_with_2(shop: CommandProject, settings: str, message: str) -> None:
    (shop.root / "pyproject.toml").write_text(settings)
    output = shop.memguard("show")
    assert output.code == 2
    assert message in output.error
    assert output.error.endswith("See docs/reference/messages.md#settings\n")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from pytest_memguard.cli import exit_code_of; exit_code_of(['--help']); "
        "heavy = {'yaml', 'memray', 'rich', 'jinja2', 'psutil', 'pytest'} & set(sys.modules); "
        "print(sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "[]\n"


def test_a_console_without_the_characters_still_gets_the_lines(shop: CommandProject) -> None:
    shop.run(measured("ünï-日本", 5 * KIB))
    done = in_a_process("diff", PYTHONIOENCODING="cp1252:strict")
    assert done.returncode == 0, done.stderr
    assert "\\u65e5\\u672c" in done.stdout


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colour_is_for_terminals_that_want_it(shop: CommandProject, no_color: str, coloured: bool) -> None:
    pty = pytest.importorskip("pty")
    shop.run(measured("a", 500 * KIB, Entry({"peak": 1})))
    controller, terminal = pty.openpty()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NO_COLOR": no_color,
        "TERM": "xterm",
    }
    subprocess.run([sys.executable, "-c", RUN, "diff"], env=environment, stdout=terminal, check=False)
    os.close(terminal)
    shown = os.read(controller, 100_000)
    os.close(controller)
    assert b"grew" in shown
    assert (b"\x1b[31m" in shown) is coloured


def test_a_reader_that_stops_early_is_no_error(shop: CommandProject) -> None:
    shop.accepted(**{f"test_{number}": number for number in range(20_000)})
    command = [sys.executable, "-c", RUN, "show"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_completion_knows_the_commands() -> None:
    done = in_a_process(_MEMGUARD_COMPLETE="bash_complete", COMP_WORDS="memguard pr", COMP_CWORD="1")
    assert done.stdout.split() == ["plain,prune"]
