"""The rows of a screening's document: exposures, identifications, amounts. Nothing here judges or looks anything up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracer.amounts import amount as written
from tracer.amounts import share_text
from tracer.flow.question import utc
from tracer.screening.model import METHODS, Cluster, Designation, Exposure, Identification, ListState

_WHOLE = "1.0000"
_SHARES = 4


@dataclass(frozen=True)
class Coin:
    """What the amount of a subject is written in; `decimals` None: nobody knows them, so base units."""

    name: str
    decimals: int | None
    asset_id: str | None = None


def plain(row: Cluster | Designation | ListState) -> dict[str, Any]:
    """The fields of a flat dataclass; `asdict` copies them one by one, a thousand times slower in a batch."""
    return dict(vars(row))


def amount(coin: Coin, units: int, fiat: Mapping[str, Any] | None) -> dict[str, Any]:
    """As CONTRACTS writes amounts; with id and decimals on chains that have many assets."""
    found: dict[str, Any] = dict(written(coin.name, units, coin.decimals or 0))
    found["fiat"] = None if fiat is None else dict(fiat)
    if coin.asset_id is not None:
        found["asset_id"], found["decimals"] = coin.asset_id, coin.decimals
    return found


def rank(row: Exposure) -> tuple[Any, ...]:
    """Ownership before all, then by amount; ties by what a row is."""
    return (
        row.type != "ownership", not row.solicited, -max(row.units.values(), default=0), row.category, row.side,
        row.type, row.entity, row.asset, row.asset_id or "", row.paths,
    )  # fmt: skip


def exposure(row: Exposure) -> dict[str, Any]:
    """The amount is of the larger method, the share between the two; of ownership all."""
    units = [row.units.get(method, 0) for method in METHODS]
    low, high = min(units), max(units)
    coin = Coin(row.asset, row.decimals, row.asset_id)
    owned = row.type == "ownership" or row.total <= 0  # of a payment whose amount was not told: all of it
    return {
        "category": row.category,
        "side": row.side,
        "type": row.type,
        "amount": amount(coin, high, row.fiat),
        "share": _WHOLE if owned else share_text(high, row.total, _SHARES),
        "share_low": _WHOLE if owned else share_text(low, row.total, _SHARES),
        "share_high": _WHOLE if owned else share_text(high, row.total, _SHARES),
        "methods": [method for method in METHODS if row.units.get(method, 0) > 0],
        "min_hops": row.min_hops,
        "solicited": row.solicited,
        "paths": [list(path) for path in row.paths],
        "entity": row.entity,
        "vasp_id": row.vasp_id,
        "kyc_level": row.kyc_level,
        "words": sorted(row.words),
        "units": {method: str(row.units.get(method, 0)) for method in METHODS},
        "total": str(row.total),
        "first_time": row.first_time,
        "last_time": row.last_time,
        "labels_later": row.labels_later,
        "listed": [
            {**plain(listed), "transfer_after_designation": after(listed, row.last_time)}
            for listed in row.listed
        ],
        "claims": sorted(row.claims),
    }


def identification(row: Identification) -> dict[str, Any]:
    """The keys of CONTRACTS first."""
    return {
        "label": row.label, "category": row.category, "source": row.source, "date": row.date,
        "confidence": row.confidence, "entity": row.entity, "words": sorted(row.words),
        "whole_cluster": row.whole_cluster, "tlp": row.tlp, "claim": row.claim,
    }  # fmt: skip


def after(listed: Designation, time: int | None) -> bool | None:
    """Whether a payment came on the day of the designation or later; None where either date is not known."""
    if not listed.designated_at or time is None:
        return None
    return (utc(time) or "")[:10] >= listed.designated_at[:10]
