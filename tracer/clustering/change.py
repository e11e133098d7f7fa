"""Compose the change heuristics: which output of a payment is its change, and who was paid.

Each heuristic says which outputs it cannot rule out. One that leaves exactly one is a signal for it; one that
rules an output out and leaves another is against it; one that leaves none, or has nothing to say, abstains.
Change is what families of evidence single out and nothing speaks against.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tracer.chain import ScriptKind, first_tx_id
from tracer.clustering.rules import ChangeHeuristic
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

REPLACEABLE = 0xFFFFFFFE
"""Sequence numbers below signal replacement (BIP 125)."""

_SQL = named_sql("tracer.clustering", "change.sql")


def outputs(ledger: Ledger, start: int, stop: int, most: int) -> pl.DataFrame:
    """The outputs (`change.sql`) of the candidate transactions of blocks `start` to `stop - 1`."""
    return ledger.db.polars(
        _SQL["outputs"],
        {
            "start": first_tx_id(start),
            "stop": first_tx_id(stop),
            "most": most,
            "op_return": int(ScriptKind.OP_RETURN),
            "replaceable": REPLACEABLE,
        },
    )


def opinions(frame: pl.DataFrame, heuristics: Sequence[ChangeHeuristic]) -> pl.DataFrame:
    """The outputs with, per heuristic, Boolean columns `for_ID` and `against_ID`.

    for      it leaves this output of the payment alone
    against  it rules this one out, and leaves another
    """
    import polars as pl

    named = [h.possible().alias(h.id) for h in heuristics]
    frame = frame.with_columns(named)
    left = [pl.col(h.id).sum().over("tx_id").alias(f"left_{h.id}") for h in heuristics]
    blank = [pl.col(h.id).is_null().any().over("tx_id").alias(f"blank_{h.id}") for h in heuristics]
    frame = frame.with_columns(*left, *blank)
    said = []
    for h in heuristics:
        speaks = ~pl.col(f"blank_{h.id}") & (pl.col(f"left_{h.id}") >= 1)
        single = speaks & (pl.col(f"left_{h.id}") == 1) & pl.col(h.id)
        said.append(single.fill_null(value=False).alias(f"for_{h.id}"))
        said.append((speaks & ~pl.col(h.id)).fill_null(value=False).alias(f"against_{h.id}"))
    helpers = [f"{kind}{h.id}" for kind in ("", "left_", "blank_") for h in heuristics]
    return frame.with_columns(said).drop(helpers)


def agreed(frame: pl.DataFrame, heuristics: Sequence[ChangeHeuristic], families: int) -> pl.DataFrame:
    """`opinions` with `families` (how many single the output out), `agreed` (ids, by a space), and `change`.

    `change`: at least so many families, nothing against it, and not in the payer's cluster already.
    """
    import polars as pl

    counting = [h for h in heuristics if h.counts]
    by_family = [
        pl.any_horizontal([f"for_{h.id}" for h in counting if h.family == family]).cast(pl.Int8)
        for family in sorted({h.family for h in counting})
    ]
    ids = [pl.when(f"for_{h.id}").then(pl.lit(h.id)) for h in counting]
    frame = frame.with_columns(
        pl.sum_horizontal(by_family).alias("families"),
        pl.concat_str(ids, separator=" ", ignore_nulls=True).alias("agreed"),
        pl.any_horizontal([f"against_{h.id}" for h in heuristics]).alias("against"),
    )
    change = (pl.col("families") >= families) & ~pl.col("against") & ~pl.col("own")
    return frame.with_columns(change.alias("change"))


def payees(frame: pl.DataFrame) -> pl.DataFrame:
    """Pairs (payer, payee) of clusters, from payments whose change is known: they are not one party.

    Each once, ordered. Change is known where it was accepted, or went back to the payer's own cluster.
    """
    import polars as pl

    known = (pl.col("change") | pl.col("own")).any().over("tx_id")
    paid = frame.filter(known & ~pl.col("change") & ~pl.col("own"))
    return paid.select("payer", payee="cluster_id").unique().sort("payer", "payee")
