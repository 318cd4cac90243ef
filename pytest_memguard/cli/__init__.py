"""The `memguard` command: finds the project, and turns errors into a message and an exit code."""

from __future__ import annotations

import importlib
import io
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from pytest_memguard import __version__
from pytest_memguard.cli.parameters import GivenPath
from pytest_memguard.cli.project import Project
from pytest_memguard.core.errors import MemguardError, nearest
from pytest_memguard.reports.untrusted import printable

COMMANDS = {
    "accept": "Accept what the last run measured.",
    "show": "Show what is accepted.",
    "diff": "Compare the last run with the baseline, or two runs.",
    "summary": "Write the report of the last run.",
    "check": "Check the baseline of a pull request, without a run.",
    "history": "Show what was accepted over time, and by whom.",
    "report": "Write the last run as a page: what grew, where, and over time.",
    "flamegraph": "Write who allocates, and the difference from an earlier run.",
    "compare": "Compare this tree with another commit, without a baseline.",
    "prune": "Remove entries that no guarded test has.",
    "selftest": "Plant a growth and a leak, and see that the gate fails.",
}
"""Every command with its line of help; each is the function of its name, in the module of its name."""

_DOCS = "docs/reference/messages.md"
_INTERRUPTED = 130
_LONGEST_MESSAGE = 2000


class _LazyGroup(click.Group):
    """The group of commands; a command's module is imported when the command is called.

    As in https://click.palletsprojects.com/en/stable/complex/#lazily-loading-subcommands.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the names in the order of the table, the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- as above
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"{__name__}.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - what the table of commands promises
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- as above
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command where one is not known."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"there is no command {args[0]!r}, {nearest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--root",
    type=GivenPath(file_okay=False, exists=True, path_type=Path),
    help="Folder of the project; otherwise the nearest upwards with .memguard or pyproject.toml.",
)
@click.version_option(__version__, prog_name="memguard")
@click.pass_context
def memguard(context: click.Context, root: Path | None) -> None:
    """Keep memory growth out: accept, show and compare what `pytest --memguard` measures.

    Exit codes: 0 fine, 1 growth, 2 usage or unreadable input, 3 nothing to judge.
    """
    context.obj = Project(root)
    context.color = False if os.environ.get("NO_COLOR") else None


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with the code of the command or of its error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A console that cannot show a character must not stop the command.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(exit_code_of(arguments))


def exit_code_of(arguments: list[str] | None) -> int:
    """Run a command line and return its exit code; errors become messages."""
    try:
        code = memguard.main(args=arguments, prog_name="memguard", standalone_mode=False)
    except MemguardError as error:
        sentence = printable(str(error), at_most=_LONGEST_MESSAGE)
        click.echo(f"memguard: {sentence} See {_DOCS}#{error.slug}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("memguard: interrupted; no file is half-written.", err=True)
        return _INTERRUPTED
    return code if isinstance(code, int) else 0
