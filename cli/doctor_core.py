"""What `tracer doctor` says of a Core-like node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from adapters.bitcoin.core.probe import Capabilities


def told(offers: Capabilities) -> dict[str, Any]:
    """What the node offers, as the document has it."""
    return {
        "network": offers.network,
        "pruned_below": offers.state.lowest or None,
        "headers": offers.state.headers,
        "initial_download": offers.state.loading,
        "rest": offers.rest,
        "blocks": str(offers.blocks),
        "spent": None if offers.spent is None else str(offers.spent),
        "waits": offers.waits,
    }


def render(source: dict[str, Any]) -> None:
    """The same for people."""
    lag = "" if source["lag"] is None else f", {source['lag']:,} blocks ahead of the store"
    pruned = "" if source["pruned_below"] is None else f", pruned below {source['pruned_below']}"
    loading = f", downloading {source['headers']:,} blocks" if source["initial_download"] else ""
    follows = "says when a block comes" if source["waits"] else "is asked again and again for new blocks"
    click.echo(f"node {source['host']} ({source['client']}), {source['network']}")
    click.echo(f"  newest block {source['head']}{lag}{pruned}{loading}")
    click.echo(
        f"  blocks by {source['blocks']}, spent outputs by {source['spent'] or 'nothing'}, "
        f"REST {'on' if source['rest'] else 'off'}; with --follow it {follows}"
    )
