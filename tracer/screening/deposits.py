"""Deposits to somebody's addresses since a day, as subjects: each output that came there from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.chain import Family
from tracer.flow import services as service_room
from tracer.flow.seeding.grammar import parse
from tracer.flow.seeding.seeds import resolve
from tracer.screening.model import Subject

if TYPE_CHECKING:
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger


def deposits(ledger: Ledger, snapshot: Snapshot, holder: str, after: int, before: int) -> list[Subject]:
    """Transfers to an address, `cluster:`, `tag:` or `vasp:` in blocks of a time (unix seconds; the end exclusive).

    In chain order. What moves among the holder's own addresses is no deposit. Raises `UsageError` where nobody knows
    such a holder here.
    """
    import polars as pl

    chain = ledger.chain
    services = service_room.load(ledger, snapshot)
    lots = resolve(ledger, services, [parse(holder, chain)], unit="lot", after=after, before=before)
    account = chain.family is Family.ACCOUNT
    if account:
        moved = lots.moved
        assert moved is not None
        came = pl.col("seed_in").is_not_null() & pl.col("seed_out").is_null() & (pl.col("amount") > 0)
        found = moved.filter(came).select("tx_id", pl.col("position").alias("place"))
    else:
        found = lots.entries().select("tx_id", pl.col("vout").alias("place"))
    rows = found.unique().sort("tx_id", "place").rows()
    names = ledger.render_txids({tx_id for tx_id, _ in rows})
    return [
        Subject(
            "transfer", chain.name, f"{names[tx_id]}:{place}", txid=names[tx_id], direction="inbound",
            vout=None if account else place, transfer_index=place if account else None,
        )
        for tx_id, place in rows
    ]  # fmt: skip
