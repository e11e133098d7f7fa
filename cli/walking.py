"""A walk through the ledger at a terminal: how far it is, and Ctrl-C that keeps what was found."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.status import Status

    from cli.app import App

STOPPED = 130
"""Exit code of an answer that was ended by hand (128 + SIGINT, as shells have it)."""


class Walk:
    """What `trace` calls at every hop; says whether to go on."""

    def __init__(self, status: Status | None) -> None:
        self.stopped = False
        self._status = status

    def __call__(self, hop: int, transactions: int) -> bool:
        """Show hop and transactions reached; False once the person asked to stop."""
        if self._status is not None:
            self._status.update(f"hop {hop:,}, {transactions:,} transactions (Ctrl-C ends here)")
        return not self.stopped

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        """The first Ctrl-C ends the walk at its next hop, the second ends the command."""
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True
        click.echo("ending at this hop; once more drops what was found", err=True)


@contextmanager
def walking(app: App) -> Iterator[Walk]:
    """Progress on stderr where it is a terminal, and Ctrl-C that gives a partial result."""
    quiet = app.quiet or not sys.stderr.isatty()
    status = None
    if not quiet:
        from rich.console import Console

        status = Console(stderr=True).status("looking up the seeds")
    walk = Walk(status)
    before = signal.signal(signal.SIGINT, walk.stop)
    try:
        if status is None:
            yield walk
        else:
            with app.showing(status):
                yield walk
    finally:
        signal.signal(signal.SIGINT, before)
