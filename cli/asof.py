"""`--at`: clusters as they were when a former block was the tip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import compose

if TYPE_CHECKING:
    from cli.app import App
    from tracer.clustering.rules import Tier
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger


def is_tip(app: App, chain_name: str, at: str) -> bool:
    """Whether a block (height or hash) is the tip: then the clusters of the store serve, and are kept for others."""
    from tracer.ledger.asof import height_of

    with compose.open_ledger(app, chain_name) as ledger:
        height, tip = height_of(ledger, at), ledger.tip()
        return tip is not None and height == tip.height


def link(app: App, ledger: Ledger, snapshot: Snapshot, tier: Tier) -> None:
    """Give a ledger that shows a chain as of a block its clusters of then, by these claims and the rules of today.

    Those in the store serve where they end at that very block; else they are built, for this ledger alone.
    """
    from rules import clustering
    from tracer.clustering import constraints, state
    from tracer.clustering.rules import Tier
    from tracer.ledger.asof import own_links

    rules, bounds = clustering(), constraints.load(ledger, snapshot)
    found = state.current(ledger, tier)
    if found is not None and found.at_tip and found.made_from(rules.digest, bounds.digest):
        return
    from tracer.clustering import build as builder  # numba: only where something is built
    from tracer.clustering import overlay

    app.say(f"building the clusters of {ledger.chain.name} as of that block")
    own_links(ledger)
    with app.progress("clusters") as advance:
        builder.build(ledger, rules, bounds, progress=advance)
        if tier is Tier.EXTENDED:
            overlay.build(ledger, rules, bounds, progress=advance)
