"""`tracer export`: write a chain's facts in ethereum-etl's or bitcoin-etl's format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import compose
from cli.app import App, json_option


@click.command("export")
@click.argument("chain")
@click.option(
    "--out", "folder", required=True, type=click.Path(path_type=Path), metavar="DIR", help="A new folder."
)
@click.option(
    "--format", "form", type=click.Choice(["parquet", "csv", "jsonl"]), default="parquet", show_default=True,
    help="How the files are written.",
)  # fmt: skip
@click.option("--from", "first", type=click.IntRange(0), metavar="HEIGHT", help="First height to write.")
@click.option("--to", "last", type=click.IntRange(0), metavar="HEIGHT", help="Last height to write.")
@json_option
@click.pass_obj
def command(
    app: App, chain: str, folder: Path, form: str, first: int | None, last: int | None, as_json: bool
) -> None:
    """Write the facts of CHAIN as files with ethereum-etl's or bitcoin-etl's names: the whole folder or nothing.

    Of an EVM chain blocks, transactions, receipts, logs, token_transfers and traces; of a chain of the Bitcoin family
    blocks and transactions. A README.md beside them says what tracer does not keep; `tracer import` reads them again.
    """
    from adapters.bitcoin.entry import BitcoinChain
    from adapters.evm.chains import EvmChain
    from adapters.files import writing
    from adapters.files.bitcoin_etl import writing as outputs
    from adapters.files.folder import Format
    from tracer.errors import UsageError

    entry = compose.chain(chain)
    if not isinstance(entry, EvmChain | BitcoinChain):
        raise UsageError(
            f"{entry.name} cannot be exported: these files are of EVM chains and of the Bitcoin family.",
            hint="Formats of other chains are not written yet.",
        )
    if first is not None and last is not None and first > last:
        raise UsageError(f"--from {first} is above --to {last}.")
    with compose.open_ledger(app, entry.name) as ledger, app.progress(f"writing {entry.name}") as advance:
        if isinstance(entry, BitcoinChain):
            notes = outputs.NOT_CARRIED
            written = outputs.export(
                ledger, entry, folder, Format(form), first=first, last=last, progress=advance
            )
        else:
            notes = writing.NOT_CARRIED
            written = writing.export(ledger, folder, Format(form), first=first, last=last, progress=advance)
    document: dict[str, Any] = {
        "schema": "tracer.export/1",
        "chain": entry.name,
        "caip2": entry.caip2,
        "folder": str(folder),
        "format": form,
        "blocks": {"from": written.first, "to": written.last, "count": written.blocks},
        "files": [{"file": name, "rows": rows} for name, rows in written.rows.items()],
        "notes": list(notes),
    }
    app.emit(document, as_json, lambda _: _render(document))


def _render(document: dict[str, Any]) -> None:
    blocks = document["blocks"]
    click.echo(
        f"{document['chain']}: {blocks['count']:,} blocks ({blocks['from']} to {blocks['to']}) written to "
        f"{document['folder']}"
    )
    for file in document["files"]:
        click.echo(f"  {file['file']}: {file['rows']:,} rows")
    click.echo("README.md in that folder says what these files do not carry")
