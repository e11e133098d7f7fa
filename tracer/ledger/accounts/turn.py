"""One turn of an account chain: checked, its accounts and assets numbered, ready to insert."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import AssetStandard, Chain
from tracer.db import Database
from tracer.ledger.accounts.batch import AccountBatch, schemas
from tracer.ledger.accounts.checks import Units, check
from tracer.ledger.accounts.numbers import (
    ADDRESS_WORDS,
    HASH_WORDS,
    Ids,
    Numbers,
    asset_words,
    known_of,
    nullable,
    prefixes,
    words_of,
)
from tracer.ledger.loading import column

if TYPE_CHECKING:
    import pyarrow as pa

_ACCOUNTS = {
    "txs": ("sender", "recipient", "created"),
    "transfers": ("source", "target", "contract"),
    "relations": ("giver", "receiver", "contract"),
    "events": ("emitter",),
    "blocks": ("producer",),
}
"""Where accounts are named, in the order in which a transaction shows them; a producer comes behind its block."""
_FLOW = ["tx_id", "position", "kind", "asset_id", "source", "target", "amount"]


class Turn:
    """The columns of one turn. `check()` first, then `resolve()`, then the tables."""

    def __init__(self, batch: AccountBatch, chain: Chain) -> None:
        self.batch, self.chain = _typed(batch), chain
        self.units = Units(self.batch)
        self.ids: dict[tuple[str, str], Ids] = {}
        self.assets: dict[str, Ids] = {}

    def check(self) -> None:
        """Raise `Refused` for the first block that does not add up."""
        check(self.batch, self.units)

    def resolve(self, db: Database) -> None:
        """Give every account and asset of the turn its id; new ones go into the store."""
        numbers = Numbers(db, self.chain)
        names = [(part, name) for part, columns in _ACCOUNTS.items() for name in columns]
        found = numbers.accounts(
            [words_of(getattr(self.batch, part), name, ADDRESS_WORDS) for part, name in names],
            [known_of(getattr(self.batch, part), name) for part, name in names],
            np.cumsum([0, *(len(columns) for columns in _ACCOUNTS.values())]),
            np.stack([self.units.firsts[part] for part in _ACCOUNTS]),
        )
        self.ids = dict(zip(names, found, strict=True))
        moved, related = self.batch.transfers, self.batch.relations
        # who approves names a contract, and no token of it
        fungible = np.full(related.num_rows, AssetStandard.FUNGIBLE, np.uint8)
        named = self.ids["relations", "contract"]
        of_moved, of_related = numbers.assets(
            [
                asset_words(column(moved, "standard"), self.ids["transfers", "contract"], moved),
                asset_words(fungible, named),
            ],
            [np.ones(moved.num_rows, np.bool_), named >= 0],
            np.arange(3),
            np.stack([self.units.firsts["transfers"], self.units.firsts["relations"]]),
        )
        self.assets = {"transfers": of_moved, "relations": of_related}
        numbers.insert()

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """What goes into the store: the statement that inserts it, and its rows in the order of their table."""
        transfers = self._with("transfers", "source", "target")
        yield "insert_block", self._with("blocks", "producer")
        yield "insert_tx", self._with("txs", "sender", "recipient", "created")
        yield "insert_transfer", transfers
        yield "insert_outflow", self._by_account(transfers, "source")
        yield "insert_inflow", self._by_account(transfers, "target")
        yield "insert_relation", self._with("relations", "giver", "receiver")
        yield "insert_event", self._with("events", "emitter")
        yield "insert_txid_lookup", self._txid_lookup()
        yield "insert_quarantine", self.batch.quarantine

    def _with(self, part: str, *columns: str) -> pa.Table:
        """A table of the batch with ids in place of accounts and assets."""
        rows: pa.Table = getattr(self.batch, part)
        for name in columns:
            rows = rows.set_column(rows.schema.get_field_index(name), name, nullable(self.ids[part, name]))
        if part in self.assets:
            rows = rows.append_column("asset_id", nullable(self.assets[part]))
        return rows

    def _by_account(self, transfers: pa.Table, end: str) -> pa.Table:
        """Transfers of something, sorted by (account at that end, tx_id, position)."""
        import pyarrow as pa
        import pyarrow.compute as pc

        amounts = transfers.column("amount")
        moved = pc.fill_null(pc.not_equal(amounts, pa.scalar(0, amounts.type)), True).to_numpy()
        account = self.ids["transfers", end]
        rows = np.flatnonzero(moved & (account >= 0))
        key = account[rows].astype(np.int64) << 32 | rows  # rows are in the order of the chain
        key.sort()
        kept = transfers.select(_FLOW)
        return kept.take(pa.array(key & 0xFFFFFFFF))

    def _txid_lookup(self) -> pa.Table:
        """Rows of `txid_lookup`, sorted by prefix."""
        import pyarrow as pa

        prefix = prefixes(words_of(self.batch.txs, "txid", HASH_WORDS))
        order = np.argsort(prefix, kind="stable")
        return pa.table({"prefix": prefix[order], "tx_id": column(self.batch.txs, "tx_id")[order]})


def _typed(batch: AccountBatch) -> AccountBatch:
    """The batch with exactly the columns of `schemas`; ValueError where one is missing, of another type, or null."""
    return AccountBatch(
        *(
            getattr(batch, part.name)
            .select(schemas()[part.name].names)
            .cast(schemas()[part.name])
            .combine_chunks()
            for part in fields(batch)
        )
    )
