"""`tracer seeds`: lists of seeds from what was seized, a wallet's public keys or a text dump."""

from __future__ import annotations

import click

from cli.seeds_derive import derive
from cli.seeds_scan import scan


@click.group()
def command() -> None:
    """Make lists of seeds for `tracer trace --seeds`, from a seized wallet or a text dump.

    Private keys and recovery words are refused before anything is logged or kept.
    """


for subcommand in (derive, scan):
    command.add_command(subcommand)
