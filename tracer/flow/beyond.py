"""What the trace of one chain is told of other chains: where value leaves it, and what came from there.

Chains run apart (DESIGN section 5, "Time"). A single-chain trace ends where a bridge takes the money, and starts at
what a bridge brought, as at a seed; who matches the two is `tracer.flow.bridges`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from tracer.flow.fates import Fate
from tracer.flow.seeding.grammar import Seed

if TYPE_CHECKING:
    import polars as pl

CEILING = ""
"""In place of a method's name: the most that any convention can have brought."""

BROUGHT = Seed("bridge", "bridge")
"""The seed that what came over bridges is counted as, where amounts are told apart by seed."""

Place = tuple[int, int]
"""tx_id, and position of the transfer (vout of the output)."""


@cache
def ends_schema() -> Mapping[str, Any]:
    """Columns of `Beyond.ends`.

    position  of the transfer that a bridge took (backward: brought); `asset_id` and `units` are its own, by which it
              is known where a conversion stands for it
    crossed   whether it is followed on the other chain
    """
    import polars as pl

    return {
        "tx_id": pl.Int64, "position": pl.Int32, "asset_id": pl.Int32, "units": pl.Int128, "crossed": pl.Boolean,
    }  # fmt: skip


@dataclass(frozen=True)
class Beyond:
    """What one chain is told.

    ends     `ends_schema`, distinct by place; None where nothing is known to leave
    holds    address id -> BRIDGE or MIXER: contracts of lists, that hold no queue
    brought  place of a transfer (output) that came over a bridge -> method, or CEILING -> base units of it
    said     place -> what the event of a bridge says of it, for stops; position -1: of any transfer of the transaction
    denominations  address id of a listed mixer pool -> base units
    """

    ends: pl.DataFrame | None = None
    holds: Mapping[int, Fate] = field(default_factory=dict)
    brought: Mapping[Place, Mapping[str, int]] = field(default_factory=dict)
    said: Mapping[Place, dict[str, Any]] = field(default_factory=dict)
    denominations: Mapping[int, int] = field(default_factory=dict)

    def of(self, method: str) -> dict[Place, int]:
        """Place -> base units that came there by a method; places of nothing are left out."""
        return {place: units for place, by in self.brought.items() if (units := by.get(method, 0))}

    def most(self) -> dict[Place, int]:
        """Place -> the most that any method of the question, or any at all, brings there."""
        return {place: most for place, by in self.brought.items() if (most := max(by.values(), default=0))}

    def apart(self) -> Beyond:
        """The same of a chain by itself: nothing comes, and what a bridge takes ends there."""
        import polars as pl

        ends = None if self.ends is None else self.ends.with_columns(crossed=pl.lit(value=False))
        return Beyond(ends, self.holds, {}, self.said, self.denominations)

    def holding(self, fate: Fate) -> list[int]:
        """Address ids of listed contracts at which the trail ends so."""
        return sorted(address for address, own in self.holds.items() if own is fate)

    def places(self) -> pl.DataFrame:
        """tx_id, vout of what was brought, in the order of the chain."""
        import polars as pl

        return pl.DataFrame(sorted(self.most()), schema={"tx_id": pl.Int64, "vout": pl.Int32}, orient="row")


NOTHING = Beyond()


def frame_of(units: Mapping[Place, int]) -> pl.DataFrame:
    """tx_id, position, more (int128) of amounts by place, in the order of the chain."""
    import polars as pl

    rows = sorted(units.items())
    return pl.DataFrame(
        [
            pl.Series("tx_id", [place[0] for place, _ in rows], dtype=pl.Int64),
            pl.Series("position", [place[1] for place, _ in rows], dtype=pl.Int32),
            pl.Series("more", [amount for _, amount in rows], dtype=pl.Int128),
        ]
    )


def ends_of(rows: Iterable[tuple[int, int, int, int, bool]]) -> pl.DataFrame:
    """`Beyond.ends` of rows (tx_id, position, asset_id, units, crossed); of one place what is followed comes first."""
    import polars as pl

    columns = list(zip(*rows, strict=True)) or [()] * 5
    made = pl.DataFrame(
        [
            pl.Series(n, column, dtype=kind)
            for (n, kind), column in zip(ends_schema().items(), columns, strict=True)
        ]
    )
    return made.sort("tx_id", "position", "crossed", descending=[False, False, True]).unique(
        ["tx_id", "position"], keep="first", maintain_order=True
    )
