"""What enters the trace of an account chain: what was seeded, and what bridges brought, each a part of a transfer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tracer.db import named_sql
from tracer.flow.accounts.columns import Book
from tracer.flow.accounts.receipts import entering
from tracer.flow.accounts.swaps import Swaps
from tracer.flow.beyond import CEILING, Beyond, Place, frame_of
from tracer.flow.queues.columns import QueueSeeding
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.accounts", "receipts.sql")


class Entered:
    """What enters a trace: what was seeded, and what bridges brought, by each method another part of it.

    most  rows as `entering` gives them, each with the most that any method brings
    """

    def __init__(
        self, ledger: Ledger, swaps: Swaps, seeded: pl.DataFrame, beyond: Beyond, number: int
    ) -> None:
        """`number`: that of the seed which what was brought is counted as."""
        import polars as pl

        self._seeded, self._beyond = seeded, beyond
        self._rows = seeded.clear()
        if beyond.brought:
            points = beyond.places().rename({"vout": "position"}).with_columns(seed=pl.lit(number, pl.Int32))
            with ledger.db.table("points", points):
                own = ledger.db.polars(_SQL["lots"])
            own = own.with_columns(pl.col("seed_in", "seed_out").cast(pl.Int32))
            brought = entering(own, swaps, leaving=False).with_columns(lot=pl.lit(value=False))
            self._rows = brought.select(seeded.columns)
        self.most = self._together(beyond.most())

    def lost(self) -> int:
        """How much of what was brought has no row of its own: a swap stands for its transfer."""
        found = set(self._rows.select("tx_id", "position").iter_rows())
        return sum(place not in found for place in self._beyond.most())

    def seedings(self, made: Book, methods: Sequence[str]) -> Mapping[str, QueueSeeding]:
        """What enters by each method, and at most (CEILING), beside the transfers of a book."""
        most = made.seeding(self.most)
        if not self._beyond.brought:
            return dict.fromkeys((*methods, CEILING), most)
        return {name: made.seeding(self._together(self._beyond.of(name))) for name in methods} | {
            CEILING: most
        }

    def _together(self, units: Mapping[Place, int]) -> pl.DataFrame:
        """What was seeded with so much of each transfer that was brought: never more than it is."""
        import polars as pl

        if not self._rows.height:
            return self._seeded
        came = self._rows.join(frame_of(units), on=["tx_id", "position"], maintain_order="left")
        came = came.with_columns(units=pl.col("more")).select(self._seeded.columns)
        every = (
            pl.concat([self._seeded, came])
            .group_by(["tx_id", "position", "kind"], maintain_order=True)
            .agg(pl.all().exclude("units").first(), pl.col("units").sum())
        )
        gave = pl.col("asset_id") != pl.col("asset_out")
        most = pl.when(gave).then("amount_in").otherwise("amount_out")
        capped = every.with_columns(units=pl.min_horizontal("units", most))
        return capped.select(self._seeded.columns).sort("tx_id", "turn", "position")
