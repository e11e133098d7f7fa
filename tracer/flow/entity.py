"""An entity as a seed: all it is known to hold, and what left it.

Moves inside the entity are no outflow, so the more of its addresses are known, the truer the answer: an
address stands for its conservative cluster, and for everything else its actor is claimed to hold. What an
entity put into a mixing transaction is not followed: which output is whose, nobody can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tracer.amounts import decimal_text
from tracer.db import named_sql
from tracer.flow import contest
from tracer.flow.grammar import Seed
from tracer.flow.services import Services
from tracer.flow.spans import FOREVER, Span, merge, union
from tracer.flow.tagged import among
from tracer.intel import ranking
from tracer.intel.ranking import Row
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

    from tracer.flow.seeds import Lots

_SQL = named_sql("tracer.flow", "seeds.sql")


def extend(ledger: Ledger, services: Services, lots: Lots) -> None:
    """Add to the members of `lots` what else the entities of its seeds hold, and when; its notes say what.

    A cluster that another party claims at least as well is not taken, only the address itself. Nobody becomes
    part of a service by being mentioned or protected.
    """
    import polars as pl

    members, notes = lots.members, lots.notes
    for number, seed in enumerate(lots.seeds):
        own = sorted(address for address, owner in members.items() if owner == number)
        by_address = seed.kind in ("address", "cluster")
        actor = _actor(ledger, services, own) if by_address else ""
        if actor:
            given = set(own)
            rows = [
                (row, address)
                for row, address in services.tagged.select(pl.col("actor") == actor)
                if tells_holder(row)
            ]
            lots.considered.update(row["claim_id"] for row, _ in rows)
            bound_to_time(lots.spans, [(row, address) for row, address in rows if address not in given])
            own = sorted({*own, *(address for _, address in rows)})
            notes.append(f"{seed.text} is claimed by {actor}: all that {actor} is claimed to hold was taken")
        clusters = _clusters(ledger, own)
        met = among("cluster_id", clusters.values())
        lots.considered.update(services.tagged.frame.filter(met)["claim_id"])
        parties = {actor.casefold()} if actor else _parties(services, seed, own)
        standings = services.parties(clusters.values())
        alone = [a for a in own if not _others(standings.get(clusters[a], {}), parties)]
        if seed.kind != "cluster" and len(alone) < len(own):
            notes.append(
                f"{seed.text}: {len(own) - len(alone)} addresses stand in clusters that another party claims "
                "too; only the addresses themselves were taken"
            )
        taken = cluster_members(ledger, alone)
        if by_address and len(taken) > len(alone):
            notes.append(f"{seed.text}: co-spend clusters were taken as the entity, {len(taken)} addresses")
        _bind_clusters(ledger, lots, alone, [a for a in taken if a not in set(own)])
        for address in [*own, *taken]:
            members.setdefault(address, number)
    if lots.spans:
        notes.append(
            f"{len(lots.spans)} addresses are in the set only at the times for which they are claimed"
        )


def tells_holder(row: Row) -> bool:
    """Whether a tag says who holds an address: not where it was mentioned, nor where it protects somebody."""
    return row["tag_type"] != "mention" and not ranking.protection_of(row)


def bound_to_time(spans: dict[int, list[Span]], rows: Iterable[tuple[Row, int]]) -> None:
    """Note when addresses are in a set, where the claims that put them there do not hold always."""
    claims: dict[int, list[Row]] = {}
    for row, address in rows:
        claims.setdefault(address, []).append(row)
    for address, held in claims.items():
        times = union(held)
        if times != [FOREVER]:
            spans[address] = times


def _bind_clusters(ledger: Ledger, lots: Lots, own: Sequence[int], joined: Sequence[int]) -> None:
    """Addresses that came in by their cluster are in it when an address that brought them is."""
    if not lots.spans or not joined:
        return
    clusters = _clusters(ledger, [*own, *joined])
    times: dict[int, list[Span]] = {}
    for address in own:
        times.setdefault(clusters[address], []).extend(lots.spans.get(address, [FOREVER]))
    for address in joined:
        merged = merge(times.get(clusters[address], [FOREVER]))
        if merged != [FOREVER]:
            lots.spans[address] = merged


def _actor(ledger: Ledger, services: Services, own: Sequence[int]) -> str:
    """The actor that the seeded addresses, or their clusters, are claimed for; "" where none or several."""
    import polars as pl

    clusters = _clusters(ledger, own)
    numbers = {number for address in own for number in services.holders(address, clusters[address])}
    found = {holding.entity.actor for holding in services.holdings(numbers)} - {""}
    if not found:
        said = services.tagged.select(among("address_id", own) & (pl.col("actor") != ""))
        rows = [row for row, _ in said]
        best = contest.leaders(rows) if rows else set()
        found = {row["actor"] for row in rows if ranking.party(row) in best}
    return found.pop() if len(found) == 1 else ""


def _parties(services: Services, seed: Seed, own: Iterable[int]) -> set[str]:
    """The parties a seed speaks of: whom its tags name, or those of its addresses."""
    import polars as pl

    key = {"tag": "label", "vasp": "actor"}.get(seed.kind)
    which = pl.col(key) == seed.value if key else among("address_id", own)
    return {ranking.party(row) for row, _ in services.tagged.select(which)}


def _others(best: Mapping[str, int], parties: set[str]) -> bool:
    """Whether a cluster, claimed by parties that well, is claimed at least as well by others than these."""
    own = max((points for party, points in best.items() if party in parties), default=None)
    rivals = sorted((points for party, points in best.items() if party not in parties), reverse=True)
    if not parties:
        return len(rivals) > 1 and rivals[0] == rivals[1]
    return bool(rivals) and (own is None or rivals[0] >= own)


def _clusters(ledger: Ledger, addresses: Sequence[int]) -> dict[int, int]:
    """Address id -> cluster id; an address alone is its own."""
    import polars as pl

    wanted = pl.DataFrame({"address_id": sorted(set(addresses))}, schema={"address_id": pl.Int32})
    with ledger.db.table("wanted", wanted):
        return dict(ledger.db.rows(_SQL["clusters_of"]))


def cluster_members(ledger: Ledger, addresses: Sequence[int]) -> list[int]:
    """All members of the conservative clusters of these addresses, with the addresses themselves."""
    import polars as pl

    wanted = pl.DataFrame(
        {"cluster_id": sorted(set(_clusters(ledger, addresses).values()))}, schema={"cluster_id": pl.Int32}
    )
    with ledger.db.table("wanted", wanted):
        members = ledger.db.rows(_SQL["cluster_members"])
    return sorted({*addresses, *(address for (address,) in members)})


def outflow(
    ledger: Ledger, members: pl.DataFrame, window: dict[str, int]
) -> tuple[pl.DataFrame, pl.DataFrame, str | None]:
    """What left the entity: per transaction, at most what it put in less what it got back.

    `members` (address_id, seed) is the entity. -> (tx_id, net), (tx_id, vout, value, seed) of the outputs
    outside it, and a note on mixing transactions, which are no outflow.
    """
    import polars as pl

    no_lots = pl.DataFrame(schema={"tx_id": pl.Int64, "vout": pl.Int32})
    with ledger.db.table("members", members), ledger.db.table("points", no_lots):
        spending = ledger.db.polars(_SQL["spending"], window)
        with ledger.db.table("wanted", spending.select("tx_id")):
            inside = ledger.db.polars(_SQL["inside_inputs"])
            sides = ledger.db.polars(_SQL["sides"])
    per_tx = (
        sides.group_by("tx_id", maintain_order=True)
        .agg(
            pl.col("value").filter(pl.col("inside")).sum().alias("back"),
            pl.col("value").filter(~pl.col("inside")).sum().alias("out"),
        )
        .join(inside, on="tx_id", how="left", maintain_order="left")
        .with_columns(
            pl.min_horizontal(
                "out", (pl.col("inside").fill_null(0) - pl.col("back")).clip(lower_bound=0)
            ).alias("net")
        )
        .join(spending, on="tx_id", how="left", maintain_order="left")
    )
    mixes = per_tx.filter(pl.col("mix"))
    net = per_tx.filter((pl.col("net") > 0) & ~pl.col("mix")).select("tx_id", "net").sort("tx_id")
    flagged = (
        sides.filter(~pl.col("inside"))
        .join(net, on="tx_id", how="semi", maintain_order="left")
        .join(spending, on="tx_id", how="left", maintain_order="left")
        .select("tx_id", "vout", "value", "seed")
    )
    return net, flagged, _mixed(ledger, mixes)


def _mixed(ledger: Ledger, mixes: pl.DataFrame) -> str | None:
    if not mixes.height:
        return None
    chain = ledger.chain
    entered = decimal_text(sum(mixes["net"].to_list()), chain.decimals)
    return (
        f"{mixes.height} mixing transactions of the entity were left out: {entered} {chain.asset} net entered "
        "them, and which of their outputs are the entity's own cannot be told"
    )
