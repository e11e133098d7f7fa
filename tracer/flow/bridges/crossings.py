"""The sides of crossings that one ledger tells, each with the transfer it speaks of.

On an account chain the events of pinned contracts tell them, on a chain of outputs the memos of payments to a vault.
A side without its transfer is known, and cannot be followed: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from tracer.chain import Family, accounts
from tracer.db import named_sql
from tracer.flow.bridges.memos import memo_sides
from tracer.flow.bridges.places import placed
from tracer.flow.bridges.rules import Bridge, Pinned
from tracer.flow.fates import Fate
from tracer.flow.services import Services
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

SQL = named_sql("tracer.flow.bridges", "crossings.sql")


@cache
def told_schema() -> Mapping[str, Any]:
    """Columns of `Told.sides`: those of `side_schema`, and

    bridge, join  of the rule
    home          the protocol's own id of this chain
    position      of the transfer (vout of the output) it speaks of; null where none was found
    asset_id      of that transfer; 0 on a chain of outputs
    units         base units of it, int128
    giver, getter address ids at its ends
    time          of the block, unix seconds
    """
    import polars as pl

    return {
        "bridge": pl.String, "join": pl.String, "home": pl.String, "tx_id": pl.Int64, "log_index": pl.Int32,
        "side": pl.String, "key": pl.String, "far": pl.String, "recipient": pl.Binary, "token": pl.Binary,
        "amount": pl.Decimal(38, 0), "note": pl.String, "named": pl.String,
        "position": pl.Int32, "asset_id": pl.Int32, "units": pl.Int128,
        "giver": pl.Int32, "getter": pl.Int32, "time": pl.Int64,
    }  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What bridges say on one chain.

    sides      `told_schema`, by (bridge, tx_id, log_index)
    contracts  address_id of the pinned contracts that the ledger has seen: none of them holds a queue
    unpinned   bridge, tx_id, events: of a bridge's shape and of contracts that are not listed
    """

    sides: pl.DataFrame
    contracts: list[int] = field(default_factory=list)
    unpinned: pl.DataFrame | None = None


def told(ledger: Ledger, services: Services, bridges: Sequence[Bridge], pinned: Mapping[str, Pinned]) -> Told:
    """The sides that a ledger tells, of all bridges that know its chain."""
    import polars as pl

    name = ledger.chain.name
    known = [
        (bridge, pinned[bridge.id]) for bridge in bridges if name in pinned.get(bridge.id, Pinned()).networks
    ]
    found = Told(pl.DataFrame(schema=told_schema()))
    if ledger.chain.family is Family.UTXO:
        own = [
            _timed(ledger, _named(side, bridge, lists.networks[name]))
            for bridge, lists in known
            if (side := memo_sides(ledger, services, bridge)) is not None
        ]
        return Told(_ordered([found.sides, *own]))
    parts, contracts, strays = [found.sides], set[int](), []
    for bridge, lists in known:
        emitters = _emitters(ledger, lists.emitters.get(name, {}))
        contracts.update(emitters["address_id"].to_list())
        topics = [event.topic for event in bridge.events]
        with ledger.db.table("emitters", emitters):
            events = ledger.db.polars(SQL["events"], {"topics": topics})
            stray = ledger.db.polars(SQL["unpinned"], {"topics": topics})
        strays.append(stray.select(pl.lit(bridge.id).alias("bridge"), "tx_id", "events"))
        sides = _trusted(bridge.sides(events, lists.networks[name]), ledger, services, lists)
        if sides.height:
            parts.append(
                _timed(ledger, _named(placed(ledger, sides, emitters), bridge, lists.networks[name]))
            )
    unpinned = pl.concat(strays).filter(pl.col("events") > 0) if strays else None
    return Told(_ordered(parts), sorted(contracts), unpinned)


def _trusted(sides: pl.DataFrame, ledger: Ledger, services: Services, lists: Pinned) -> pl.DataFrame:
    """The sides whose accounts are listed for their chain, or tagged as a bridge here; others are forged."""
    import polars as pl

    if not sides.height:
        return sides
    own = sorted(lists.emitters.get(ledger.chain.name, {}))
    of_far = {network: sorted(lists.emitters.get(chain, {})) for chain, network in lists.networks.items()}
    listed = pl.DataFrame(
        [(network, account) for network, accounts in of_far.items() for account in accounts],
        schema={"far": pl.String, "trusts_far": pl.Binary}, orient="row",
    ).with_columns(known=pl.lit(value=True))  # fmt: skip
    checked = sides.join(listed, on=["far", "trusts_far"], how="left", maintain_order="left")
    here = pl.col("trusts").is_null() | pl.col("trusts").is_in([*own, *_tagged(ledger, services)])
    there = pl.col("trusts_far").is_null() | pl.col("known").fill_null(value=False)
    return checked.filter(here & there).drop("known")


def _tagged(ledger: Ledger, services: Services) -> list[bytes]:
    """Payloads of the accounts that claims tag as a bridge's."""
    import polars as pl

    ids = (
        services.tagged.frame.filter(pl.col("fate") == int(Fate.BRIDGE))["address_id"]
        .unique()
        .sort()
        .to_list()
    )
    return [payload for (payload,) in ledger.db.rows(SQL["payloads"], {"ids": ids})] if ids else []


def _emitters(ledger: Ledger, contracts: Mapping[bytes, str]) -> pl.DataFrame:
    """address_id, payload of pinned contracts that the ledger has seen."""
    import polars as pl

    kind = accounts(ledger.chain).account_kind
    listed = pl.DataFrame(
        {"kind": [kind] * len(contracts), "payload": sorted(contracts)},
        schema={"kind": pl.UInt8, "payload": pl.Binary},
    )
    seen = ledger.find_addresses(listed)
    return seen.select("address_id", listed["payload"].gather(seen["place"]).alias("payload")).sort(
        "address_id"
    )


def _named(sides: pl.DataFrame, bridge: Bridge, home: str) -> pl.DataFrame:
    import polars as pl

    return sides.with_columns(bridge=pl.lit(bridge.id), join=pl.lit(bridge.join), home=pl.lit(home))


def _timed(ledger: Ledger, sides: pl.DataFrame) -> pl.DataFrame:
    """Sides with the time of their block."""
    import polars as pl

    height = (pl.col("tx_id") // (1 << 24)).cast(pl.Int32).alias("height")
    with ledger.db.table("wanted", sides.select("tx_id").unique().sort("tx_id")):
        times = ledger.db.polars(SQL["times"])
    return sides.with_columns(height).join(times, on="height", how="left", maintain_order="left")


def _ordered(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    import polars as pl

    columns = told_schema()
    rows = pl.concat(
        [part.select(pl.col(name).cast(kind) for name, kind in columns.items()) for part in parts]
    )
    return rows.sort("bridge", "tx_id", "log_index", "side", "key")
