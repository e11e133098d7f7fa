"""Which of many addresses and transactions the ledger has seen, set-wise: for texts that may name some."""

from __future__ import annotations

from collections.abc import Sequence

from tracer.chain import AddressKey
from tracer.db import named_sql
from tracer.ledger.prefix import txid_prefix
from tracer.ledger.store import Ledger

_SQL = named_sql("tracer.ledger", "known.sql")


def known_addresses(ledger: Ledger, keys: Sequence[AddressKey]) -> list[bool]:
    """For each address, whether a block that was read names it."""
    import polars as pl

    asked = pl.DataFrame(
        {"kind": [int(key.kind) for key in keys], "payload": [key.payload for key in keys]},
        schema={"kind": pl.UInt8, "payload": pl.Binary},
    )
    places = set(ledger.find_addresses(asked)["place"].to_list())
    return [place in places for place in range(len(keys))]


def known_txids(ledger: Ledger, txids: Sequence[bytes]) -> list[bool]:
    """For each txid (32 bytes as the chain stores it), whether that transaction was read."""
    import polars as pl

    if not txids:
        return []
    asked = pl.DataFrame(
        {"place": range(len(txids)), "prefix": [txid_prefix(txid) for txid in txids], "txid": txids},
        schema={"place": pl.Int64, "prefix": pl.Int64, "txid": pl.Binary},
    )
    with ledger.db.table("asked", asked):
        places = {place for (place,) in ledger.db.rows(_SQL["known_txids"])}
    return [place in places for place in range(len(txids))]
