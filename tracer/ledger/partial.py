"""Single transactions that an explorer told, in the same tables as whole blocks (ADR-0010, "On demand").

Their blocks stand in `block` with `whole` false: all that means "was read" leaves them out, all that asks for a block's
time or hash finds them. A transaction's id is its place in the chain, so it is the same however it came here. What a
host said besides (an output is unspent, an address has so many transactions) is kept as of a block with the host's
name, and holds for that block alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tracer.chain import AddressKey, tx_height
from tracer.db import Database, named_sql
from tracer.errors import DataError, ReorgedAway
from tracer.ledger import kernels
from tracer.ledger.batch import UtxoBatch
from tracer.ledger.ingest import insert_transactions, settle_pending
from tracer.ledger.loading import Refused, column
from tracer.ledger.partial_rows import drop_from
from tracer.ledger.prefix import txid_prefix
from tracer.ledger.store import Ledger
from tracer.ledger.turn import Turn

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_SQL = named_sql("tracer.ledger", "partial.sql")


class _Loose(Turn):
    """A turn of single transactions: what is not here may still exist, and a block's fees are not known."""

    def _refuse_unresolved(self, db: Database) -> None:
        """Nothing: parents were not asked for."""

    def _fees(self) -> None:
        """Of each by itself; no coinbase is measured."""
        spends = np.flatnonzero(np.diff(self.in_first) > 0)
        if not len(spends):
            return
        fee = np.full(len(spends) + 1, -1, np.int64)
        # the kernel takes the first of a block for its coinbase: one of nothing is put in front
        problem, t = kernels.settle_fees(
            np.concatenate(([0], self.in_first[spends], self.in_first[-1:])),
            self.value,
            np.concatenate(([0], column(self.batch.txs, "out_value")[spends])),
            np.array([0, len(spends) + 1], np.int64),
            np.zeros(1, np.int64),
            fee,
        )
        if problem != kernels.SOUND:
            self._refuse_tx(int(spends[t - 1]), kernels.PROBLEMS[problem])
        self.fee[spends] = fee[1:]


def here(ledger: Ledger, txids: Sequence[bytes]) -> set[bytes]:
    """Which of these transactions (32 bytes, wire order) the ledger holds."""
    import polars as pl

    if not txids:
        return set()
    asked = pl.DataFrame(
        {"place": range(len(txids)), "prefix": [txid_prefix(txid) for txid in txids], "txid": list(txids)},
        schema={"place": pl.Int64, "prefix": pl.Int64, "txid": pl.Binary},
    )
    with ledger.db.table("asked", asked):
        return {txids[place] for place, _ in ledger.db.rows(_SQL["here"])}


def insert(ledger: Ledger, batch: UtxoBatch, host: str) -> None:
    """Add single transactions with the headers of their blocks, inside the transaction under way.

    batch   as `UtxoBatch`, but `blocks` are any heights, each once, ascending, `tx_count` and `size` unread; no
            transaction that is here already. Prevouts should be told: a fee is known where all are
    Raises `ReorgedAway` where a block is not the one known at its height, `DataError` for a transaction that cannot be.
    """
    db = ledger.db
    _check_fits(ledger, batch, host)
    with db.table("arriving", batch.blocks):
        db.run(_SQL["insert_block"])
    if not batch.txs.num_rows:
        return
    db.run(_SQL["out_of_order"])
    db.run(_SQL["unlink"])
    turn = _Loose(batch, ledger.chain)
    try:
        turn.resolve(db)
        insert_transactions(db, turn)
        settle_pending(ledger, turn)
    except Refused as refused:
        raise _impossible(ledger, refused.txid, refused.reason, host) from refused
    with db.table("arriving", batch.txs.select(["tx_id"])):
        db.run(_SQL["count_transactions"])


def _check_fits(ledger: Ledger, batch: UtxoBatch, host: str) -> None:
    db = ledger.db
    with db.table("arriving", batch.blocks):
        contradicted = db.row(_SQL["contradicted"])
    if contradicted is not None:
        height, found = contradicted
        raise ReorgedAway(
            f"{host} shows block {ledger.chain.hash_text(bytes(found))} at height {height}, and what is known here "
            "is of another branch.",
            hint="Nothing of it was kept. Ask again, or sync from a source that you trust.",
        )
    with db.table("arriving", batch.txs.select(["tx_id"])):
        missing, taken = db.value(_SQL["read_whole"]), db.value(_SQL["taken"])
    for tx_id, reason in ((missing, "is in no block that was read whole"), (taken, "has another's place")):
        if tx_id is not None:
            row = column(batch.txs, "tx_id").tolist().index(tx_id)
            txid: bytes = batch.txs.column("txid")[row].as_py()
            raise _impossible(ledger, txid, f"{reason} (height {tx_height(tx_id)})", host)


def _impossible(ledger: Ledger, txid: bytes | None, reason: str, host: str) -> DataError:
    named = "" if txid is None else f" {ledger.chain.hash_text(txid)}"
    return DataError(
        f"transaction{named}, as {host} shows it, {reason}.",
        hint="Nothing of it was kept; ask another source.",
    )


def pin(ledger: Ledger, blocks: pa.Table, host: str) -> None:
    """Keep the block (one row of `UtxoBatch.blocks`) that a host calls the last one: what it says is as of it."""
    none = _nothing(blocks)
    _check_fits(ledger, none, host)
    with ledger.db.table("arriving", blocks):
        ledger.db.run(_SQL["insert_block"])
    height, found = blocks.column("height")[0].as_py(), blocks.column("hash")[0].as_py()
    ledger.db.run(_SQL["told_tip"], {"height": height, "hash": found, "host": host})


def _nothing(blocks: pa.Table) -> UtxoBatch:
    import pyarrow as pa

    empty = pa.table({"tx_id": pa.array([], pa.int64())})
    return UtxoBatch(blocks, empty, empty, empty)


def tell_unspent(ledger: Ledger, outputs: pl.DataFrame, height: int, host: str) -> None:
    """Keep that these outputs (tx_id int64, vout int32) are unspent as of a block, by a host's word."""
    _tell(ledger, "tell_unspent", outputs, height, host)


def tell_addresses(
    ledger: Ledger, told: Iterable[tuple[AddressKey, int, bool]], height: int, host: str
) -> None:
    """Keep how many transactions addresses have as of a block, and whether all are here; of addresses that are here."""
    import polars as pl

    rows = [(ledger.find_address(key), txs, whole) for key, txs, whole in told]
    schema = {"address_id": pl.Int32, "txs": pl.Int64, "whole": pl.Boolean}
    frame = pl.DataFrame([row for row in rows if row[0] is not None], schema=schema, orient="row")
    _tell(ledger, "tell_address", frame, height, host)


def _tell(ledger: Ledger, statement: str, frame: pl.DataFrame, height: int, host: str) -> None:
    if not frame.height:
        return
    with ledger.db.table("arriving", frame):
        ledger.db.run(_SQL[f"un{statement}"])
        ledger.db.run(_SQL[statement], {"height": height, "host": host})


class ToldAddress(NamedTuple):
    """What was told of an address: its transactions as of a height, and to which height all are here (-1: nowhere)."""

    txs: int
    height: int
    whole_to: int


def told_of(ledger: Ledger, address_ids: Sequence[int]) -> dict[int, ToldAddress]:
    """Address id -> what was told of it, of those that were told of."""
    import polars as pl

    with ledger.db.table("asked", pl.DataFrame({"address_id": address_ids}, schema={"address_id": pl.Int32})):
        return {address: ToldAddress(*row) for address, *row in ledger.db.rows(_SQL["addresses"])}


def blocks(ledger: Ledger) -> list[tuple[int, bytes]]:
    """Height and hash of the blocks that are not here whole, the newest first."""
    return [(at, bytes(found)) for at, found in ledger.db.rows(_SQL["blocks"])]


def header(ledger: Ledger, height: int, block_hash: bytes) -> tuple[int, bytes, bytes, int, int, int] | None:
    """Version, previous hash, Merkle root, time, bits and nonce of a block that is here, whole or not."""
    found = ledger.db.row(_SQL["header"], {"height": height, "hash": block_hash})
    if found is None:
        return None
    version, previous, root, time, bits, nonce = found
    return version, bytes(previous), bytes(root), time, bits, nonce


def drop(ledger: Ledger, height: int) -> None:
    """Forget what explorers told of a height and above, inside the transaction under way: its branch lost."""
    drop_from(ledger.db, height)


def spent(ledger: Ledger, outputs: pl.DataFrame) -> set[tuple[int, int]]:
    """Those of these outputs (tx_id, vout) that a transaction here spends."""
    with ledger.db.table("frontier", outputs):
        return set(ledger.db.rows(_SQL["spent"]))


def hosts(ledger: Ledger) -> list[str]:
    """Who was asked for single transactions that may be here."""
    return [host for (host,) in ledger.db.rows(_SQL["hosts"])]


def unspent(ledger: Ledger, outputs: pl.DataFrame, height: int) -> pl.DataFrame:
    """Those of these outputs (tx_id, vout) that were said to be unspent as of a block at `height` or later."""
    with ledger.db.table("frontier", outputs):
        return ledger.db.polars(_SQL["unspent"], {"height": height})


def crowded(ledger: Ledger, addresses: pl.DataFrame, most: int) -> pl.DataFrame:
    """Those of these addresses (address_id) that were said to have more than `most` transactions, with `degree`."""
    with ledger.db.table("asked", addresses):
        return ledger.db.polars(_SQL["crowded"], {"most": most})
