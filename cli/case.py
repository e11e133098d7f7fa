"""`tracer case`: the custody log, shown and verified."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from cli.app import App, json_option, whole
from tracer.intel.claims import clean


@click.group()
def command() -> None:
    """Show and verify the custody log: who asked what, when, on which inputs."""


@command.command("log")
@click.option("--case", "case_id", metavar="ID", help="Only entries of this case.")
@json_option
@click.pass_obj
def log(app: App, case_id: str | None, as_json: bool) -> None:
    """Show the custody log, oldest entry first."""
    from tracer.evidence import custody
    from tracer.state import State

    found: list[custody.Entry] = []
    if app.workspace.state.exists():
        with State.open(app.workspace) as state:
            found = custody.entries(state, case_id)
    document = {"schema": "tracer.custody/1", "case": case_id, "entries": [_shown(entry) for entry in found]}
    app.emit(document, as_json, lambda shown: _render(app, shown))


@command.command("verify")
@click.option("--head", metavar="HASH", help="A head hash noted earlier; it must still be in the log.")
@json_option
@click.pass_obj
def verify(app: App, head: str | None, as_json: bool) -> None:
    """Check the hash chain of the custody log; exit code 4 where an entry does not fit.

    An edited, inserted, moved or missing entry and a cut tail show. A log computed anew by whoever can write
    the file does not: note the printed head hash elsewhere, and give it with --head later.
    """
    from tracer.evidence import custody
    from tracer.state import State

    count, last = 0, custody.GENESIS
    if head is not None or app.workspace.state.exists():
        with State.open(app.workspace) as state:
            count = custody.verify(state, head)
            last = custody.head(state)
    document = {"schema": "tracer.custody_check/1", "entries": count, "head": last}
    app.emit(document, as_json, _render_check)


def _shown(entry: Any) -> dict[str, Any]:
    row = asdict(entry)
    for name in ("arguments", "inputs"):
        try:
            row[name] = json.loads(row[name])
        except ValueError:
            row[name] = [str(row[name])]  # damaged; `case verify` names it
    return row


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    if not document["entries"]:
        click.echo("The custody log is empty." if document["case"] is None else "No entry of this case.")
        return
    table = Table("#", "time", "user", "case", "verb", "arguments", "purpose", "outcome", "output", "hash")
    for row in document["entries"]:
        asked = clean(" ".join(row["arguments"]))
        table.add_row(
            str(row["seq"]), row["time"], row["user"], row["case_id"], row["verb"], asked, row["purpose"],
            row["outcome"], row["output"][:16], row["hash"][:16],
        )  # fmt: skip
    app.console().print(whole(table))


def _render_check(document: dict[str, Any]) -> None:
    if not document["entries"]:
        click.echo("The custody log is empty: nothing was asked here yet, or the file was taken away.")
        return
    click.echo(f"{document['entries']} entries, each fits the one before it.")
    click.echo(f"head {document['head']}")
