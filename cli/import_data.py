"""`tracer import`: load what ethereum-etl, cryo or bitcoin-etl exported."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, json_option

if TYPE_CHECKING:
    from adapters.bitcoin.entry import BitcoinChain
    from adapters.chains import AnyChain
    from adapters.files.bitcoin_etl.heads import Blocks
    from adapters.files.bitcoin_etl.parts import Files
    from adapters.files.bitcoin_etl.source import EtlSource
    from adapters.files.source import ExportSource
    from tracer.ledger.batch import BlockSource
    from tracer.ledger.pull import Pulled

    Source = ExportSource | EtlSource


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--chain", "chain_name", metavar="NAME",
    help="The chain they are of; cryo's files say it themselves, and bitcoin-etl's where they begin with the genesis "
    "of one chain alone.",
)  # fmt: skip
@json_option
@click.pass_obj
def command(app: App, files: tuple[Path, ...], chain_name: str | None, as_json: bool) -> None:
    """Load blocks that ethereum-etl, cryo or bitcoin-etl exported into the ledger.

    FILES are files and folders in any mix and order: blocks, transactions, receipts, logs, token_transfers and traces
    as CSV, JSON lines or Parquet, or cryo's Parquet; of bitcoin-etl blocks and transactions, enriched or not. Each is
    recognised by its columns; text may be packed with gzip. What the ledger holds already is left as it is, so that the
    same command can be run again.
    """
    from adapters.files.bitcoin_etl.parts import recognise

    app.workspace.ready()
    scratch = Path(tempfile.mkdtemp(prefix="import-", dir=app.workspace.cache))
    try:
        outputs = recognise(files)
        if outputs is not None:
            entry, source = _of_outputs(app, outputs, chain_name, scratch)
            count = len(outputs.found) + len(outputs.empty)
        else:
            entry, source, count = _of_accounts(app, files, chain_name, scratch)
        pulled = _loaded(app, entry, source, files)
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
        "files": count,
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


def _of_accounts(
    app: App, files: Sequence[Path], chain_name: str | None, scratch: Path
) -> tuple[AnyChain, Source, int]:
    """Files of ethereum-etl and cryo as a source, and how many there are."""
    from adapters.evm.chains import EvmChain
    from adapters.files.exports import open_exports
    from adapters.files.source import ExportSource
    from cli.sources import kept_events
    from tracer.errors import UsageError

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
    count = sum(len(of) for of in exports.files.values()) + len(exports.empty)
    return entry, ExportSource(exports, entry, kept_events()), count


def _of_outputs(app: App, files: Files, chain_name: str | None, scratch: Path) -> tuple[AnyChain, Source]:
    """Files of bitcoin-etl as a source."""
    from adapters.bitcoin.chains import CHAINS
    from adapters.bitcoin.entry import BitcoinChain
    from adapters.files.bitcoin_etl.source import chain_of, open_source
    from tracer.errors import UsageError

    def named(blocks: Blocks) -> BitcoinChain:
        entry = chain_of(blocks, list(CHAINS.values())) if chain_name is None else compose.chain(chain_name)
        if not isinstance(entry, BitcoinChain):
            raise UsageError(f"these are files of a chain of the Bitcoin family, and {entry.name} is none.")
        return entry

    if chain_name is not None:
        compose.chain(chain_name)  # before everything is read
    with app.progress("looking into the files") as advance:
        source = open_source(files, scratch, named, advance)
    return source.chain, source


def _loaded(app: App, entry: AnyChain, source: BlockSource[Any], files: Sequence[Path]) -> Pulled:
    """Pull what is new, in the chain's turn, and record the run."""
    from tracer.errors import TracerError
    from tracer.ledger.pull import pull
    from tracer.state import State

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
    return pulled


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
