"""What `tracer doctor` says of an EVM node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from adapters.evm.probe import Capabilities


def told(offers: Capabilities) -> dict[str, Any]:
    """What the node offers, as the document has it."""
    return {
        "chain_id": offers.chain_id,
        "finalized": offers.finalized,
        "receipts": str(offers.receipts),
        "traces": [str(way) for way in offers.traces],
        "archive": offers.archive,
        "batch": offers.batch,
    }


def render(source: dict[str, Any]) -> None:
    """The same for people."""
    lag = "" if source["lag"] is None else f", {source['lag']:,} blocks ahead of the store"
    archive = {True: "all states", False: "recent states only", None: "too short a chain to tell its states"}
    final = "" if source["finalized"] is None else f", final up to {source['finalized']}"
    click.echo(f"node {source['host']} ({source['client']}), chain id {source['chain_id']}")
    click.echo(f"  newest block {source['head']}{final}{lag}")
    click.echo(
        f"  receipts by {source['receipts']}, traces by {', '.join(source['traces']) or 'nothing'}, "
        f"{source['batch']} calls in a request, {archive[source['archive']]}"
    )
