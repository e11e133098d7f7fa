"""Inflow of account chains that nobody asked for: dust, and the same amount sent to many strangers on one day.

Airdrops of made-up tokens, and dust that is to mark accounts of others, come so. What the payee itself called for is
asked for, however little it is: who signed a transaction, or paid in it, traded. As on chains of outputs it says
something of who sent it, and nothing of who got it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.db import named_sql
from tracer.flow.worth import DAY
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.screening.exposure", "unsolicited.sql")

NATIVE_DUST = 4
"""Of the chain's coin 1 / 10^4 is dust, where nobody says otherwise (P): some tens of cents of ether."""

TOKEN_DUST = 5
"""Of a token 1 / 10^5 is (P), where its decimals are known: a dollar of the dearest, nothing of the others."""

SPAM = 100
"""So many times the dust, sent alike to many, is spam (P); of a token 1,000 times."""

SPAM_ACCOUNTS = 10
"""... to so many accounts on one UTC day (P)."""


class UnaskedTransfers:
    """What counts as unsolicited on one account chain. `dust`: base units of its coin; None: as usual."""

    def __init__(self, ledger: Ledger, dust: int | None) -> None:
        self._ledger = ledger
        self._dust = 10 ** max(0, ledger.chain.decimals - NATIVE_DUST) if dust is None else dust

    def among(self, moved: pl.DataFrame) -> pl.Series:
        """Of transfers that touch a subject (`tracer.flow.accounts.receipts.touching`) those that nobody asked for.

        -> bool, in their order. Amounts that nobody could read are taken for asked for.
        """
        import polars as pl

        places = moved.with_row_index("place")
        arrived = places.filter(
            pl.col("seed_in").is_not_null() & pl.col("seed_out").is_null() & pl.col("target").is_not_null()
            & pl.col("source").is_not_null() & pl.col("amount").is_not_null()
        )  # fmt: skip
        small = self._small(arrived)
        if not small.height:
            return pl.repeat(value=False, n=moved.height, dtype=pl.Boolean, eager=True)
        signed = self._rows("signed", small.select("place", "tx_id", "target"))
        small = small.join(signed, on="place", how="anti", maintain_order="left")
        spent = self._rows("spent", small.filter("bare").select("place", "target", "asset_id"))
        small = small.join(spent, on="place", how="anti", maintain_order="left")
        rest = small.filter(~pl.col("dusty")).with_columns(day=pl.col("time") // DAY)
        fans = self._rows("fans", rest.select("place", "day", "source", "asset_id", "amount"))
        many = fans.filter(pl.col("accounts") >= SPAM_ACCOUNTS)["place"]
        return places["place"].is_in(pl.concat([small.filter("dusty")["place"], many]).implode())

    def _small(self, arrived: pl.DataFrame) -> pl.DataFrame:
        """Those that may be: with `dusty`, and `bare` (of a token that nobody knows, of any amount)."""
        import polars as pl

        if not arrived.height:
            return arrived
        native = pl.col("asset_id") == 0
        tokens = self._rows("tokens", arrived.select("asset_id").unique().sort("asset_id"))
        rows = arrived.join(tokens, on="asset_id", how="left", maintain_order="left")
        digits = pl.col("decimals").cast(pl.Int64)
        coin, coins = pl.lit(self._dust, pl.Int128), pl.lit(self._dust * SPAM, pl.Int128)
        # more than 38 digits fit nowhere, and a token of so many decimals has no small amounts that one could name
        known = digits.is_between(TOKEN_DUST, 36)
        power = pl.lit(10, pl.Int128).pow(digits - TOKEN_DUST)
        dust = pl.when(native).then(coin).when(known).then(power).otherwise(None)
        spam = pl.when(native).then(coins).when(known).then(power * (10 * SPAM)).otherwise(None)
        amount = pl.col("amount").cast(pl.Int128)
        rows = rows.with_columns(
            dusty=(amount <= dust).fill_null(value=False), spam=(amount <= spam).fill_null(value=False),
            bare=~native & ~pl.col("genuine").fill_null(value=False),
        )  # fmt: skip
        return rows.filter(pl.col("dusty") | pl.col("spam") | pl.col("bare")).with_columns(
            bare=pl.col("bare") & ~pl.col("dusty") & ~pl.col("spam")
        )

    def _rows(self, query: str, asked: pl.DataFrame) -> pl.DataFrame:
        with self._ledger.db.table("asked", asked):
            return self._ledger.db.polars(_SQL[query])
