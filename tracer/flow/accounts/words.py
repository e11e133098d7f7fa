"""What an answer on an account chain says beside its flows: what came, what was left out, what is not known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer.flow.accounts.assets import Assets
from tracer.flow.accounts.limits import Rests
from tracer.flow.accounts.verdicts import Verdicts
from tracer.flow.question import Question
from tracer.flow.queues.columns import Bools
from tracer.flow.seeding.seeds import Lots
from tracer.flow.trail import Trail
from tracer.flow.worth import DAY

if TYPE_CHECKING:
    import polars as pl


def received(lots: Lots, assets: Assets, entered: pl.DataFrame) -> dict[int, dict[int, int]]:
    """Asset number -> UTC day -> base units that lots and set received of what is followed, moves inside it too."""
    import polars as pl

    assert lots.moved is not None
    known = entered["asset_id"].unique().to_list()
    came = lots.moved.filter(
        pl.col("seed_in").is_not_null() & pl.col("asset_id").is_in(known) & pl.col("amount").is_not_null()
    )
    found: dict[int, dict[int, int]] = {}
    for asset, units, time in came.select("asset_id", "amount", "time").iter_rows():
        days = found.setdefault(assets.number(asset), {})
        days[time // DAY] = days.get(time // DAY, 0) + int(units)
    return found


def beside_lots(entered: pl.DataFrame) -> pl.DataFrame:
    """What entered beside transfers that were named themselves, for the count of lots."""
    import polars as pl

    return entered.filter(~pl.col("lot"))


def gaps(
    assets: Assets, ends: Rests, doubts: Sequence[str], unread: int, hostile: Sequence[int]
) -> list[str]:
    """What makes the answer partial on an account chain."""
    gaps = [*ends.gaps, *doubts]
    if unread:
        gaps.append(
            f"{unread} transfers to the seeds are of amounts too great to be read: they were not followed"
        )
    if hostile:
        names = ", ".join(assets.shown[number].coin.name for number in hostile[:3])
        gaps.append(f"more than can be counted was seeded of {names}: not followed")
    return gaps


def guessed(trail: Trail, carried: Bools, assets: Assets, verdicts: Verdicts) -> list[str]:
    """What is said where a service's deposit accounts may have held more before the first block than the rule allows.

    carried  bool per output of the trail: whether money of the seeds can have come that far
    """
    import polars as pl

    at = np.flatnonzero((trail.swept_to >= 0) & carried)
    ids = [assets.shown[number].asset_id for number in trail.assets()[at].tolist()]
    kinds = {"address_id": pl.Int32, "asset_id": pl.Int32}
    met = pl.DataFrame({"address_id": trail.address[at], "asset_id": ids}, schema=kinds).unique()
    if not (count := verdicts.unsure(met).height):
        return []
    return [
        f"what {count} deposit accounts held before the first block that was read is not known: one that held more is "
        "no deposit account, and part of what came to it may be there still"
    ]


def notes(question: Question, assets: Assets, beside: pl.DataFrame, *, swapped: bool) -> list[str]:
    """What the answer leaned on, or left out, without being partial for it."""
    notes = []
    if beside.height:
        count = beside["asset_id"].n_unique()
        notes.append(
            f"{count} assets that are not believed arrived at the seeds: summed apart, and not followed "
            "unless --asset names one"
        )
    if question.min_share is None and question.min_value and question.asset is None and len(assets.shown) > 1:
        notes.append("the value floor is of the chain's coin; tokens have none (--asset, --min-share)")
    if swapped:
        notes.append(
            "pools that nobody tagged were recognised by swap events in transactions of several senders: where a "
            "party's assets did not net to one against one, or what came was not paid out by the pool or is no token "
            "that everybody knows, the trail ends there"
        )
    return notes


def keys(question: Question, assets: Assets, floors: Sequence[int], beside: pl.DataFrame) -> dict[str, Any]:
    """Keys that only documents of account chains have."""
    import polars as pl

    unbelieved = []
    for asset_id in beside["asset_id"].unique().to_list():
        asset = assets.shown[assets.number(asset_id)]
        units = beside.filter(pl.col("asset_id") == asset_id)["units"].to_list()
        unbelieved.append(
            {
                "asset": asset.coin.name, "asset_id": asset.coin.asset_id, "problem": asset.problem,
                "transfers": len(units), "base_units": None if None in units else str(sum(units)),
            }
        )  # fmt: skip
    return {
        "asset": question.asset,
        "floors": [
            {"asset_id": asset.coin.asset_id, "base_units": str(units)}
            for asset, units in zip(assets.shown, floors, strict=False) if units
        ],
        "unbelieved": sorted(unbelieved, key=lambda row: str(row["asset_id"])),
    }  # fmt: skip
