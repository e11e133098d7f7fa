"""`tracer status`: what this workspace holds, and what it does not."""

from __future__ import annotations

from typing import Any

import click

from cli import compose, mempool, watching
from cli.app import App, json_option

_OUTPUTS = ("txs", "outputs", "inputs", "unresolved_inputs", "addresses", "quarantined")
_ACCOUNTS = (
    "txs", "transfers", "addresses", "assets", "tokens", "disbelieved_tokens", "openings", "unknown_amounts",
    "unknown_fees", "quarantined",
)  # fmt: skip


@click.command("status")
@json_option
@click.pass_obj
def command(app: App, as_json: bool) -> None:
    """Show chains, coverage, clusters and claims of this workspace."""
    from tracer.errors import UsageError
    from tracer.ledger.coverage import chain_status

    chains = []
    for name in compose.chains_read(app):
        try:
            ledger = compose.open_ledger(app, name)
        except UsageError:  # made, but nothing was read into it
            continue
        with ledger:
            entry = chain_status(ledger)
            entry["clusters"] = compose.status_of_links(app, ledger)
        entry["unconfirmed"] = mempool.status(app, name)
        chains.append(entry)
    snapshot = compose.claims(app)
    document: dict[str, Any] = {
        "schema": "tracer.status/1",
        "workspace": {"path": str(app.workspace.root)},
        "chains": chains,
        "intel": {"snapshot": snapshot.id, **snapshot.counts()},
        "watch": watching.status_part(app),
    }
    app.emit(document, as_json, lambda d: _render(app, d))


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    from tracer.amounts import decimal_text

    console = app.console()
    console.print(f"workspace {document['workspace']['path']}")
    if not document["chains"]:
        console.print("no chain was read yet: run `tracer sync CHAIN --source ...`, or `tracer demo`")
    for entry in document["chains"]:
        decimals = compose.chain(entry["chain"]).decimals
        table = Table(title=entry["chain"], title_justify="left", show_header=False)
        table.add_column("what")
        table.add_column("value", justify="right", no_wrap=True)
        blocks = entry["blocks"]
        if blocks["count"]:
            table.add_row("blocks", f"{blocks['from']} to {blocks['to']} ({blocks['count']:,})")
        for first, last in blocks["gaps"]:
            table.add_row("not read", f"{first} to {last}")
        table.add_row("tip", entry["tip_hash"] or "-")
        if told := entry.get("partial"):
            table.add_row(
                f"asked of {', '.join(told['hosts'])}",
                f"{told['txs']:,} transactions in {told['blocks']:,} blocks, {told['addresses']:,} whole histories, "
                f"to {told['to']}",
            )
        for first, last in entry.get("untraced", ()):
            table.add_row("without internal transfers", f"{first} to {last}")
        for key in _ACCOUNTS if "untraced" in entry else _OUTPUTS:
            table.add_row(key.replace("_", " "), f"{entry[key]:,}")
        if entry["unspent"] is not None:
            table.add_row("unspent", decimal_text(int(entry["unspent"]), decimals))
        table.add_row("fees", decimal_text(int(entry["fees"]), decimals))
        if (waits := entry["unconfirmed"]) is not None:
            table.add_row("unconfirmed", f"{waits['count']:,} (at height {waits['height']}, {waits['at']})")
        for tier, links in (entry["clusters"] or {}).items():
            stale = "" if links["current"] else ", behind: run `tracer cluster build`"
            table.add_row(
                f"clusters ({tier})",
                f"{links['clusters']:,}, largest {links['largest']:,}, at height {links['height']}{stale}",
            )
        if entry["clusters"] is None:
            table.add_row("clusters", "not built: run `tracer cluster build`")
        console.print(table)
    intel = document["intel"]
    console.print(
        f"claims: {intel['tags']:,} tags of {intel['entities']:,} entities, "
        f"{intel['vasps']:,} VASPs, {intel['prices']:,} prices ({intel['snapshot']})"
    )
