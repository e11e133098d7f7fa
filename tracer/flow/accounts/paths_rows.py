"""The rows of a closure as paths see them: outputs for documents to be written of, and a network to be searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.flow.accounts.assets import Assets
from tracer.flow.accounts.closure import Reach
from tracer.flow.accounts.converted import with_converted
from tracer.flow.accounts.paths_search import AccountNetwork, Bools
from tracer.flow.accounts.receipts import entering
from tracer.flow.accounts.rows import QUEUE, is_fee, wide
from tracer.flow.accounts.swaps import Swaps
from tracer.flow.accounts.view import Units, no_mixes, no_pools
from tracer.flow.fates import Fate
from tracer.flow.movements import I64, Movements
from tracer.flow.queues.wide import Wide, from_ints, to_ints
from tracer.flow.seeding.seeds import Lots
from tracer.flow.trail import Trail
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Looked:
    """What was looked through.

    rows    as `Verdicts.judge` gives them, in the order of execution; one for each output of the trail
    assets  of these
    floors  of assets that have one: number, base units
    cut     whether --max-txs kept later transactions out
    """

    rows: pl.DataFrame
    assets: Assets
    floors: dict[int, int]
    cut: bool

    def decimals(self, native: int) -> int:
        """Digits after the point of the asset that --min-value is of; `native`: of the chain's coin."""
        asked = (self.assets.shown[number].coin.decimals for number in self.floors)
        return next((digits for digits in asked if digits is not None), native)


def steps_of(reach: Reach) -> pl.DataFrame:
    """The rows of a closure that paths can lead through or start from, in order: no gas, nothing beyond its limits."""
    import polars as pl

    inside = pl.col("tx_id").is_between(*reach.horizon) & (pl.col("fate") != int(Fate.TIME_WINDOW))
    rows = reach.ended.filter(~is_fee() & (inside | pl.col("seeded")))
    return rows.sort("tx_id", "turn", "position", "kind")


def seeded_at(rows: pl.DataFrame, entered: pl.DataFrame) -> Wide:
    """Base units that were seeded at each row."""
    key = ["tx_id", "position", "kind"]
    found = rows.select(key).join(entered.select(*key, "units"), on=key, how="left", maintain_order="left")
    return wide(found["units"].fill_null(0))


def trail_of(
    rows: pl.DataFrame, shown: I64, assets: Assets, seen: I64, looked_at: I64, *, stopped: bool
) -> Trail:
    """The rows with the ledger's names, as documents read them: each is an output. `shown`: as `Trail.shown`."""
    import polars as pl

    count = rows.height
    numbers = assets.numbers()
    asset = rows.select(asset_id="asset_out").join(numbers, on="asset_id", how="left", maintain_order="left")
    value = as_ints(wide(rows["amount_out"].fill_null(0)))
    tx_id, time = rows["tx_id"].to_numpy(), rows["time"].to_numpy()
    address = rows["target"].cast(pl.Int64).fill_null(-1).to_numpy()
    fate = rows["fate"].to_numpy()

    def where(column: str) -> I64:
        return np.where(fate != int(Fate.SPENT), rows[column].to_numpy().astype(np.int64), -1)

    movements = Movements(
        in_start=np.zeros(1, np.int64), in_ref=np.empty(0, np.int64), in_value=np.empty(0, np.int64),
        out_start=np.array([0, count]), out_value=value, out_rank=None, out_fate=fate, fee=np.empty(0, np.int64),
    )  # fmt: skip
    return Trail(
        movements=movements, tx_id=np.empty(0, np.int64), point=tx_id, vout=rows["position"].to_numpy(), met=tx_id,
        time=time, since=time, address=address, holding=where("holding"), beyond=where("left"),
        swept_to=where("swept_to"), pool=np.where(where("pool") > 0, address, -1), degree=where("degree"),
        mixes=no_mixes(), pools=no_pools(), seed_pools=np.empty(0, np.int64), seen=seen, looked_at=looked_at,
        stopped=stopped, asset=asset["number"].to_numpy(), paid_to=address, shown=shown,
    )  # fmt: skip


def as_ints(column: Wide) -> Units:
    """As Python integers, as documents read them."""
    found = np.empty(len(column), object)
    found[:] = to_ints(column)
    return found


def named_in(ledger: Ledger, rows: pl.DataFrame, swaps: Swaps, to: Lots) -> Bools:
    """Which rows are the transfers that the end names, bool[n]; of one inside a conversion the conversion."""
    import polars as pl

    found = np.zeros(rows.height, np.bool_)
    if not to.points:
        return found
    assert to.moved is not None
    came = with_converted(ledger, entering(to.moved, swaps, leaving=False), to.moved, swaps, backward=False)
    key = ["tx_id", "position", "kind"]
    places = came.filter("lot").select(key).unique()
    named = rows.with_row_index("row").join(places.with_columns(pl.lit(value=True)), on=key, how="semi")
    found[named["row"].to_numpy()] = True
    return found


def network_of(
    looked: Looked, reach: Reach, seed: Wide, target: Bools, named: Bools, *, own_starts: bool
) -> AccountNetwork:
    """The rows as paths see them: what is not followed for any reason leads nowhere.

    What an account pays itself is no step, but where it was `named` as the end. `own_starts`: seeds are what left the
    set, so that they are first steps themselves.
    """
    import polars as pl

    rows = looked.rows
    queues = reach.queues.select(QUEUE).with_row_index("queue").with_columns(pl.col("queue").cast(pl.Int64))
    ends = {
        end: rows.select(address_id=end, asset_id=asset)
        .join(queues, on=QUEUE, how="left", maintain_order="left")["queue"]
        .fill_null(-1)
        .to_numpy()
        for end, asset in (("source", "asset_in"), ("target", "asset_out"))
    }
    to_itself = (ends["source"] == ends["target"]) & (ends["source"] >= 0) & ~named
    followed = (rows["fate"] == int(Fate.SPENT)).to_numpy()
    given, got = wide(rows["amount_in"].fill_null(0)), wide(rows["amount_out"].fill_null(0))
    gave = rows["gave"].to_numpy()
    starts = seed.any(axis=1) & (gave | own_starts)
    # what a set got for others by a swap is all that it gave for it
    whole = starts & ~gave & (rows["basis"] > 0).to_numpy()
    floors = from_ints(looked.floors.get(number, 0) for number in range(len(looked.assets.shown)))
    number = {
        end: rows.select(asset_id=end)
        .join(looked.assets.numbers(), on="asset_id", how="left", maintain_order="left")["number"]
        .to_numpy()
        for end in ("asset_in", "asset_out")
    }
    return AccountNetwork(
        queues=queues.height,
        source=np.where(to_itself, -1, ends["source"]),
        target=np.where(followed, ends["target"], -1),
        given=given,
        got=got,
        unknown=(rows["amount_in"].is_null() | rows["amount_out"].is_null()).to_numpy(),
        asset=number["asset_out"],
        ends=target,
        seed=np.where(whole[:, None], given, seed),
        starts=starts,
        least=floors[number["asset_out"]],
        least_in=floors[number["asset_in"]],
    )
