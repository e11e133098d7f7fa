"""What a closure found: the movements that kernels read, and the ledger's names for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.flow.movements import I32, I64, Movements

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Budget:
    """What the question allows. Times are unix seconds, `before` exclusive; `floor` is in base units."""

    hops: int = 10
    max_txs: int = 200_000
    floor: int = 0
    after: int | None = None
    before: int | None = None


@dataclass(frozen=True)
class Trail:
    """A closure: what kernels read, and the ledger's names for it.

    tx_id      int64[m]  transactions in execution order
    time       int64[m]  block time, unix seconds
    out_tx     int64[k]  index of the transaction of each output
    vout       int32[k]
    address    int64[k]  address id, -1 where nobody's
    holding    int64[k]  number of the `Holding` that stops it (also of a swept deposit), -1 where none
    spender    int64[k]  tx_id of the transaction that spends it, -1 where none was looked for or found
    swept_to   int64[k]  address id of the hot wallet a deposit was swept to, -1 elsewhere
    pool       int64[k]  cluster id of the untagged pool that stops it, -1 where none
    shapes     tx_id int64, kind str, stops bool: of all these transactions and spenders, those that mix, or may
    pools      evidence of the untagged pools that were met (`tracer.clustering.pools.pool_like`)
    seed_pools int64[p]  cluster ids of those that hold seeded outputs
    seen       int64[s]  ids of all addresses that were looked at, also beside the trail
    looked_at  int64[h]  numbers of all holdings that were met there
    """

    movements: Movements
    tx_id: I64
    time: I64
    out_tx: I64
    vout: I32
    address: I64
    holding: I64
    spender: I64
    swept_to: I64
    pool: I64
    shapes: pl.DataFrame
    pools: pl.DataFrame
    seed_pools: I64
    seen: I64
    looked_at: I64

    def index(self, tx_ids: I64, vouts: I64) -> I64:
        """Output indices of ledger outpoints that are in the trail; -1 for others."""
        return locate(self.tx_id, self.movements.out_start, tx_ids, vouts)


def locate(known: I64, out_start: I64, tx_ids: I64, vouts: I64) -> I64:
    """Indices of outpoints among the outputs of `known` transactions, -1 where they are of others.

    `known` is sorted; the outputs of its i-th transaction begin at `out_start[i]`.
    """
    if not len(known):
        return np.full(len(tx_ids), -1, np.int64)
    place = np.minimum(np.searchsorted(known, tx_ids), len(known) - 1)
    return np.where(known[place] == tx_ids, out_start[place] + vouts, -1)
