"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_EMPTY = "the value is empty; write a value, or leave the option out"


class GivenPath(click.Path):
    """A path of the command line, which is not empty."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; a usage error for an empty one, which would be the current folder."""
        if isinstance(value, str) and not value.strip():
            self.fail(_EMPTY, param, ctx)
        return super().convert(value, param, ctx)


class GivenText(click.types.StringParamType):
    """A text of the command line, which is not empty."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text; a usage error for an empty one, which would be as if it was not given."""
        if not str(value).strip():
            self.fail(_EMPTY, param, ctx)
        return str(super().convert(value, param, ctx))


patterns_argument = click.argument("patterns", nargs=-1)
baseline_option = click.option(
    "--baseline",
    metavar="DIR",
    type=GivenText(),
    help="Folder of the baseline, instead of that of the settings.",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
environment_option = click.option(
    "--environment", metavar="KEY", type=GivenText(), help="Another environment's entries."
)
from_option = click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="FILE",
    type=GivenPath(path_type=Path),
    help="A results file instead of the last run's; may be repeated, shards are merged.",
)
