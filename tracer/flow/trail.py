"""What a closure found: the movements that kernels read, and the ledger's names for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tracer.errors import StoreDamaged
from tracer.flow.movements import I32, I64, Movements
from tracer.flow.points import Points

if TYPE_CHECKING:
    import polars as pl

Pulse = Callable[[int, int], bool]
"""Told of every hop, with the transactions reached so far; says whether to go on."""

FEE = -1
"""The vout of what a transaction pays as its fee, where fees go on to miners."""


@dataclass(frozen=True)
class Budget:
    """What the question allows. Times are unix seconds, `before` exclusive; `floor` is in base units.

    miners    fees go on to the coinbase of their block
    mixers    whether transactions that mix stop the trail
    """

    hops: int = 10
    max_txs: int = 200_000
    floor: int = 0
    after: int | None = None
    before: int | None = None
    miners: bool = False
    mixers: bool = True


@dataclass(frozen=True)
class Trail:
    """A closure: what kernels read, and the ledger's names for it.

    Money came into every output by one transaction, *met* on this trail: the one that made it; backward, where an
    output is what the money is found in on its way back, the one that spent it. *Beyond* is where it
    goes on: its spender; backward its maker.

    tx_id      int64[m]  of each movement, in the order kernels read them; -1 for the one that holds backward seeds
    point      int64[k]  transaction that made each output
    vout       int32[k]  `FEE` for a fee that goes on to a miner
    met        int64[k]
    time       int64[k]  block time of `met`, unix seconds
    since      int64[k]  block time at which what is seeded there arrived: of a lot, that of its transaction
    address    int64[k]  address id, -1 where nobody's
    holding    int64[k]  number of the `Holding` that stops it (also of a swept deposit), -1 where none
    beyond     int64[k]  -1 where none was looked for or found
    swept_to   int64[k]  address id of the hot wallet a deposit was swept to, -1 elsewhere
    pool       int64[k]  cluster id of the untagged pool that stops it, -1 where none
    degree     int64[k]  transactions of the unknown address of high degree that stops it, -1 elsewhere
    mixes      tx_id int64, kind str, stops bool, participants int32, denominations list[int64], confidence int32:
               of all these transactions, those that mix, or may
    pools      evidence of the untagged pools that were met (`tracer.clustering.pools.pool_like`)
    seed_pools int64[p]  cluster ids of those that hold seeded outputs
    seen       int64[s]  ids of all addresses that were looked at, also beside the trail
    looked_at  int64[h]  numbers of all holdings that were met there
    backward   money is followed to where it came from
    asset      int64[k]  number of each output's asset; None on a chain that has only its coin, where all is of asset 0.
               On an account chain an output is a transfer, `vout` its position, and after the transfers stand
               what was cut at one and what rests in an account, with `point` -1
    paid_to    int64[k]  address id that a transfer paid, -1 where it is no single one; None but on an account chain
    shown      int64[k]  position of the one transfer that moved it, -1 where several did (the net of a swap) or none;
                         None but on an account chain
    stopped    whether the person at the keyboard ended it before its time
    """

    movements: Movements
    tx_id: I64
    point: I64
    vout: I32
    met: I64
    time: I64
    since: I64
    address: I64
    holding: I64
    beyond: I64
    swept_to: I64
    pool: I64
    degree: I64
    mixes: pl.DataFrame
    pools: pl.DataFrame
    seed_pools: I64
    seen: I64
    looked_at: I64
    backward: bool = False
    stopped: bool = False
    asset: I64 | None = None
    paid_to: I64 | None = None
    shown: I64 | None = None

    @cached_property
    def out_tx(self) -> I64:
        """Index of the movement of each output, int64[k]."""
        return np.repeat(np.arange(len(self.movements)), np.diff(self.movements.out_start))

    def assets(self) -> I64:
        """`asset` in full."""
        return np.zeros(len(self.vout), np.int64) if self.asset is None else self.asset

    @cached_property
    def _points(self) -> Points:
        return Points(self.point, self.vout)

    def index(self, tx_ids: I64, vouts: I64 | I32) -> I64:
        """Output indices of ledger outpoints that are in the trail; -1 for others."""
        return self._points.find(tx_ids, vouts)

    def movement(self, tx_ids: I64) -> I64:
        """Indices of the movements of these transactions, all of which are in the trail."""
        order = np.argsort(self.tx_id, kind="stable")
        place = np.minimum(np.searchsorted(self.tx_id, tx_ids, sorter=order), len(order) - 1)
        found: I64 = order[place]
        if np.any(self.tx_id[found] != tx_ids):
            raise StoreDamaged("a seeded transaction is not on its own trail.")
        return found
