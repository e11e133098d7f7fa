"""`tracer import`: load what ethereum-etl or cryo exported."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from cli import compose
from cli.app import App, json_option


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--chain", "chain_name", metavar="NAME", help="The chain they are of; cryo's files say it themselves."
)
@json_option
@click.pass_obj
def command(app: App, files: tuple[Path, ...], chain_name: str | None, as_json: bool) -> None:
    """Load blocks that ethereum-etl or cryo exported into the ledger.

    FILES are files and folders in any mix and order: blocks, transactions, receipts, logs, token_transfers and traces
    as CSV, JSON lines or Parquet, or cryo's Parquet. Each is recognised by its columns. What the ledger holds already
    is left as it is, so that the same command can be run again.
    """
    from adapters.evm.chains import EvmChain
    from adapters.files.exports import open_exports
    from adapters.files.source import ExportSource
    from cli.sources import kept_events
    from tracer.errors import TracerError, UsageError
    from tracer.ledger.pull import pull
    from tracer.state import State

    app.workspace.ready()
    scratch = Path(tempfile.mkdtemp(prefix="import-", dir=app.workspace.cache))
    try:
        with app.progress("looking into the files") as advance:
            exports = open_exports(files, scratch, advance)
        if chain_name is None:
            if len(exports.chains) != 1:
                raise UsageError(
                    "the files do not say which chain they are of.",
                    hint="Give --chain, e.g. --chain ethereum.",
                )
            chain_name = f"eip155:{next(iter(exports.chains))}"
        entry = compose.chain(chain_name)
        if not isinstance(entry, EvmChain):
            raise UsageError(f"these are files of an EVM chain, and {entry.name} is none.")
        source = ExportSource(exports, entry, kept_events())
        with (
            app.workspace.turn(entry.name),
            State.open(app.workspace) as state,
            app.progress(f"loading {entry.name}") as advance,
        ):
            run = state.run_start("import", {"chain": entry.name, "files": [str(path) for path in files]})
            try:
                pulled = pull(
                    lambda: compose.open_ledger(app, entry.name, read_only=False), source, progress=advance
                )
            except BaseException as error:
                with suppress(TracerError):  # a full disk is told by the first error, not by this note
                    state.run_finish(run, type(error).__name__)
                raise
            state.run_finish(run, "done")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for note in pulled.notes:
        app.warn(note)
    kinds = source.rows()
    new = source.loaded
    document: dict[str, Any] = {
        "schema": "tracer.import/1",
        "kind": "facts",
        "chain": entry.name,
        "caip2": entry.caip2,
        "files": sum(len(of) for of in exports.files.values()) + len(exports.empty),
        "rows": sum(kinds.values()),
        "imported": sum(new.values()),
        "unchanged": sum(kinds.values()) - sum(new.values()),
        "rejected": 0,
        "rejections": [],
        "intel_snapshot": None,
        "kinds": {kind: {"rows": rows, "imported": new[kind]} for kind, rows in kinds.items()},
        "blocks": pulled.blocks,
        "txs": pulled.txs,
        "tip": pulled.tip,
        "notes": list(pulled.notes),
    }
    app.emit(document, as_json, lambda _: _render(document))


def _render(document: dict[str, Any]) -> None:
    if document["blocks"]:
        click.echo(
            f"{document['chain']}: {document['blocks']:,} blocks with {document['txs']:,} transactions loaded from "
            f"{document['files']} file(s), tip at height {document['tip']}"
        )
    else:
        click.echo(f"{document['chain']}: nothing new, tip at height {document['tip']}")
    for kind, counts in document["kinds"].items():
        click.echo(f"  {kind}: {counts['rows']:,} rows, {counts['imported']:,} of blocks that are new")
