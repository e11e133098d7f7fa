"""`tracer sync`: pull blocks of a chain into the ledger."""

from __future__ import annotations

import json
from typing import Any

import click

from cli import compose
from cli.app import App, json_option


@click.command("sync")
@click.argument("chain")
@click.option("--source", "source_text", metavar="SOURCE", help=f"Where the blocks are: {compose.SOURCES}.")
@click.option("--from", "first", type=click.IntRange(0), metavar="HEIGHT", help="First height to read.")
@click.option("--to", "last", type=click.IntRange(0), metavar="HEIGHT", help="Last height to read.")
@json_option
@click.pass_obj
def command(
    app: App, chain: str, source_text: str | None, first: int | None, last: int | None, as_json: bool
) -> None:
    """Pull blocks of CHAIN into the ledger.

    Reads what is new, verifies it, resumes after a kill, and rolls a lost branch back. SOURCE may also stand
    in TRACER_SOURCE_<CHAIN>, e.g. TRACER_SOURCE_BITCOIN.
    """
    import os
    from contextlib import suppress

    from tracer.errors import TracerError, UsageError

    entry = compose.chain(chain)
    text = source_text or os.environ.get(f"TRACER_SOURCE_{entry.name.upper().replace('-', '_')}")
    if not text:
        raise UsageError(f"no source for {entry.name}.", hint=f"Give --source {compose.SOURCES}.")
    if first is not None and last is not None and first > last:
        raise UsageError(f"--from {first} is above --to {last}.")
    from tracer.ledger.pull import pull
    from tracer.state import State

    app.workspace.ready()
    source = compose.source(app, entry.name, text)
    with (
        app.workspace.turn(entry.name),
        State.open(app.workspace) as state,
        app.progress(f"reading {entry.name}") as advance,
    ):
        interrupted = state.journal_get(entry.name, "reorg")
        run = state.run_start("sync", {"chain": entry.name, "source": text, "from": first, "to": last})

        def journal(kept: int, tip: int) -> None:
            state.journal_put(entry.name, "reorg", json.dumps({"kept": kept, "old_tip": tip}))

        try:
            pulled = pull(
                lambda: compose.open_ledger(app, entry.name, read_only=False),
                source,
                first=first,
                last=last,
                before_reorg=journal,
                progress=advance,
            )
        except BaseException as error:
            with suppress(TracerError):  # a full disk is told by the first error, not by this note
                state.run_finish(run, type(error).__name__)
            raise
        state.journal_clear(entry.name, "reorg")
        state.run_finish(run, "done")
    reorged_from = pulled.reorged_from
    if reorged_from is None and interrupted is not None:
        reorged_from = json.loads(interrupted)["old_tip"]  # a run before this one was killed in the middle
    for note in pulled.notes:
        app.warn(note)
    document: dict[str, Any] = {
        "schema": "tracer.sync/1",
        "chain": entry.name,
        "caip2": entry.caip2,
        "blocks": pulled.blocks,
        "txs": pulled.txs,
        "tip": pulled.tip,
        "reorged_from": reorged_from,
        "notes": list(pulled.notes),
    }
    app.emit(document, as_json, lambda _: _render(document))


def _render(document: dict[str, Any]) -> None:
    if document["reorged_from"] is not None:
        click.echo(f"a branch up to height {document['reorged_from']} lost and was rolled back")
    if document["blocks"]:
        click.echo(
            f"{document['chain']}: {document['blocks']:,} blocks with {document['txs']:,} transactions read, "
            f"tip at height {document['tip']}"
        )
    else:
        click.echo(f"{document['chain']}: nothing new, tip at height {document['tip']}")
