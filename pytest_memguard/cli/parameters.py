"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

patterns_argument = click.argument("patterns", nargs=-1)
baseline_option = click.option(
    "--baseline", metavar="DIR", help="Folder of the baseline, instead of the settings' one."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
environment_option = click.option("--environment", metavar="KEY", help="Another environment's entries.")
from_option = click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A results file instead of the last run's; may be repeated, shards are merged.",
)
