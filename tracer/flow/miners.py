"""Fees that go on to miners: a fee is the last output of its transaction, and the coinbase of its block spends it.

The coinbase takes the fees first, in the order of the block, and the subsidy after them; it runs after all
transactions of its block (its outputs cannot be spent in it). What a miner did not claim stays a fee, the coinbase's.
RustyTaintChain lays fees first; BlockSci lists the subsidy first (heuristics.md section C).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracer.db import named_sql
from tracer.flow.movements import I64
from tracer.flow.sets import among, distinct, minus
from tracer.flow.trail import FEE
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow", "closure.sql")
_LAST = (1 << 24) - 1


def coinbase_of(tx_ids: I64) -> I64:
    """The coinbase of each transaction's block: the first transaction of a block has index 0."""
    return (tx_ids >> 24) << 24


def execution(tx_ids: I64) -> I64:
    """Numbers in the order of execution: a coinbase comes after the transactions of its block."""
    return np.where(tx_ids & _LAST == 0, tx_ids | _LAST, tx_ids)


class Fees:
    """The fees of the blocks that a walk met."""

    def __init__(self, ledger: Ledger) -> None:
        import polars as pl

        self._ledger = ledger
        self._of_blocks = pl.DataFrame(
            schema={"coinbase": pl.Int64, "tx_id": pl.Int64, "fee": pl.Int64, "whole": pl.Boolean}
        )

    def coinbases(self, paying: pl.DataFrame) -> I64:
        """Coinbases that collect what these transactions (tx_id, fee) pay; reads the fees of their blocks.

        Those of a block of which a fee is not known are left out: where the others lie in them nobody can tell.
        """
        import polars as pl

        wanted = distinct(coinbase_of(paying.filter(pl.col("fee") > 0)["tx_id"].to_numpy()))
        fresh = minus(wanted, distinct(self._of_blocks["coinbase"].to_numpy()))
        with self._ledger.db.table("wanted", pl.DataFrame({"tx_id": fresh}, schema={"tx_id": pl.Int64})):
            self._of_blocks = pl.concat([self._of_blocks, self._ledger.db.polars(_SQL["block_fees"])])
        return wanted[self.known(wanted)]

    def known(self, coinbases: I64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether all fees of the block are known."""
        return among(coinbases, distinct(self._of_blocks.filter("whole")["coinbase"].to_numpy()))

    def carried_on(
        self, heads: pl.DataFrame, outputs: pl.DataFrame, inputs: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Heads (tx_id, fee, moved), outputs and inputs with fees as outputs, and coinbases that spend them."""
        import polars as pl

        paying = heads.filter(pl.col("fee") > 0)
        counts = outputs.group_by("tx_id").agg(pl.len().cast(outputs["rank"].dtype).alias("rank"))
        lots = paying.select(
            "tx_id", pl.lit(FEE, pl.Int32).alias("vout"), pl.col("fee").alias("value"),
            pl.lit(0, outputs["kind"].dtype).alias("kind"),
        ).join(counts, on="tx_id", maintain_order="left")  # fmt: skip
        outputs = pl.concat([outputs, lots], how="diagonal")
        coinbases = heads.filter("moved", pl.col("inputs") == 0)["tx_id"]
        taken = self._of_blocks.filter(pl.col("coinbase").is_in(coinbases.implode()) & (pl.col("fee") > 0))
        taken = taken.sort("coinbase", "tx_id").select(
            pl.col("coinbase").alias("tx_id"), pl.lit(0, pl.Int32).alias("vin"),
            pl.col("tx_id").alias("prev_tx_id"), pl.lit(FEE, pl.Int32).alias("prev_vout"), pl.col("fee").alias("value"),
        )  # fmt: skip
        whole = pl.col("value").cast(pl.Int128).sum()  # hostile values may pass 63 bits together
        claimed = (
            outputs.filter(pl.col("tx_id").is_in(coinbases.implode())).group_by("tx_id").agg(claimed=whole)
        )
        both = claimed.join(taken.group_by("tx_id").agg(fees=whole), on="tx_id", how="left")
        both = both.with_columns(pl.col("fees").fill_null(0)).sort("tx_id")
        subsidy = both.select(
            "tx_id", pl.lit(1, pl.Int32).alias("vin"), pl.lit(None, pl.Int64).alias("prev_tx_id"),
            pl.lit(0, pl.Int32).alias("prev_vout"),
            (pl.col("claimed") - pl.col("fees")).clip(lower_bound=0).cast(pl.Int64).alias("value"),
        ).filter(pl.col("value") > 0)  # fmt: skip
        inputs = pl.concat([inputs, taken, subsidy], how="diagonal")
        lost = both.select(
            "tx_id", lost=(pl.col("fees") - pl.col("claimed")).clip(lower_bound=0).cast(pl.Int64)
        )
        heads = heads.join(lost, on="tx_id", how="left", maintain_order="left")
        return heads.with_columns(fee=pl.col("lost").fill_null(0)).drop("lost"), outputs, inputs


def in_execution_order(*frames: pl.DataFrame) -> tuple[pl.DataFrame, ...]:
    """Heads, outputs and inputs in the order kernels read them; fees come last, and the subsidy."""
    import polars as pl

    turn, vout = pl.col("turn"), pl.col("vout")
    within: tuple[list[pl.Expr], ...] = (
        [turn], [turn, vout < 0, vout], [turn, pl.col("vin"), pl.col("prev_tx_id")]
    )  # fmt: skip
    return tuple(
        frame.with_columns(turn=pl.Series(execution(frame["tx_id"].to_numpy()))).sort(by).drop("turn")
        for frame, by in zip(frames, within, strict=True)
    )


def lots(txs: I64, outputs: pl.DataFrame) -> I64:
    """Index of the output of each transaction that is its fee, -1 where none."""
    found, order = np.full(len(txs), -1, np.int64), np.argsort(txs, kind="stable")
    at = np.flatnonzero(outputs["vout"].to_numpy() == FEE)
    found[order[np.searchsorted(txs, outputs["tx_id"].to_numpy()[at], sorter=order)]] = at
    return found
