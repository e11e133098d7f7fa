"""What every verb shares: the workspace, output, progress, common options.

Results go to stdout, everything else to stderr. Progress bars only where stderr is a terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from tracer.errors import StoreUnwritable
from tracer.workspace import Workspace

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.status import Status
    from rich.table import Table

Advance = Callable[[int, int], None]
"""A progress callback: (done, total) in whatever unit the work counts."""


@dataclass
class App:
    """Settings of one run of the command."""

    workspace: Workspace
    quiet: bool = False
    memory: str | None = None
    threads: int | None = None
    _shown: Progress | Status | None = field(default=None, init=False)

    @contextmanager
    def showing(self, display: Progress | Status) -> Iterator[None]:
        """Show a bar or a spinner on stderr; lines and questions of the block stand beside it (`aside`)."""
        with self.aside():
            before, self._shown = self._shown, display
            try:
                with display:
                    yield
            finally:
                self._shown = before

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take away what is shown for as long as something else is printed or asked."""
        if (shown := self._shown) is None:
            yield
            return
        shown.stop()
        try:
            yield
        finally:
            shown.start()

    def say(self, text: str) -> None:
        """One line for the person at the terminal (stderr); silent with --quiet."""
        if not self.quiet:
            with self.aside():
                click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """A warning (stderr), shown even with --quiet."""
        with self.aside():
            click.echo(f"warning: {text}", err=True)

    def console(self) -> Console:
        """A console on stdout for tables; follows NO_COLOR and the terminal's width."""
        from rich.console import Console

        class Pipe(Console):
            def on_broken_pipe(self) -> None:
                raise BrokenPipeError  # rich would end the command with exit code 1

        width = None if sys.stdout.isatty() else 160
        return Pipe(file=sys.stdout, highlight=False, soft_wrap=False, width=width, emoji=False, markup=False)

    def emit(self, document: dict[str, Any], as_json: bool, render: Callable[[dict[str, Any]], None]) -> None:
        """Print a result as JSON or for people. An answer is recorded in the custody log before.

        Whoever reads it may stop reading: the rest is dropped. `StoreUnwritable` where it cannot be written.
        """
        try:
            if as_json:
                click.echo(json_text(document), nl=False)
            else:
                render(document)
            sys.stdout.flush()
        except BrokenPipeError:
            drop_output()
        except OSError as error:
            drop_output()
            raise StoreUnwritable(
                f"cannot print the answer: {error.strerror}.", hint="What is printed of it is cut off."
            ) from error

    @contextmanager
    def progress(self, title: str) -> Iterator[Advance]:
        """Show a progress bar on stderr while the block runs; yields a (done, total) callback."""
        if self.quiet or not sys.stderr.isatty():
            yield lambda _done, _total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        task = bar.add_task(title, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        with self.showing(bar):
            yield advance


def whole(table: Table) -> Table:
    """Let no cell of a table be cut: what is too long goes on in the next line, so that it can be copied."""
    for column in table.columns:
        column.overflow = "fold"
    return table


def json_text(document: dict[str, Any]) -> str:
    """A document as `--json` prints it, to the byte: the custody log holds the hash of this."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def drop_output() -> None:
    """Send what is left for stdout nowhere, so that the end of the process does not fail on it again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`: print the document of CONTRACTS instead of tables."""
    return click.option("--json", "as_json", is_flag=True, help="Print the stable JSON document.")(function)


def intel_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--intel`: answer as of a former snapshot of the claims, the same bytes as then."""
    return click.option(
        "--intel",
        metavar="SNAPSHOT",
        help="Answer with the claims of this snapshot (sha256:..., as results print).",
    )(function)


def at_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--at`: answer as of a former block, the same bytes as then; with `--intel` by the claims of then too."""
    return click.option(
        "--at",
        metavar="HEIGHT|HASH",
        help="Answer as of this block: as if nothing had been read above it. With --intel, by the claims of then too.",
    )(function)


def claim_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--author`, `--reason`, `--case`, `--tlp`: who says something, why, for which case, for whose eyes."""
    for decorate in (
        click.option("--tlp", metavar="COLOUR", default="", help="red, amber+strict, amber, green or clear."),
        click.option("--case", "case_id", default="", metavar="ID", help="The case it belongs to."),
        click.option("--reason", required=True, metavar="TEXT", help="Why you say so."),
        click.option("--author", required=True, metavar="NAME", help="Who says so."),
    ):
        function = decorate(function)
    return function


def case_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--case` and `--purpose`: what the custody log records about a question."""
    function = click.option("--purpose", default="", metavar="TEXT", help="Why this is asked (custody log).")(
        function
    )
    return click.option(
        "--case", "case_id", default="", metavar="ID", help="The case this belongs to (custody log)."
    )(function)
