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
from tracer.errors import StoreDamaged
from tracer.flow import contest
from tracer.flow.seeding.grammar import Seed
from tracer.flow.services import Services
from tracer.flow.spans import FOREVER, Span, common, merge, union
from tracer.flow.tagged import among
from tracer.intel import ranking
from tracer.intel.ranking import Row
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

    from tracer.flow.seeding.seeds import Lots

_SQL = named_sql("tracer.flow.seeding", "seeds.sql")
MOST = (1 << 63) - 1
"""The largest amount a kernel holds, in base units."""


def extend(ledger: Ledger, services: Services, lots: Lots, held: dict[int, dict[int, list[Span]]]) -> None:
    """Add to what seeds hold (`held`: seed number -> address id -> times) what else their entities hold, and when.

    The notes of `lots` say what was added. A cluster that another party claims at least as well is not taken, only the
    address itself. Nobody becomes part of a service by being mentioned or protected.
    """
    clusters = _clusters(ledger, [address for own in held.values() for address in own])
    claimed = set(services.tagged.frame["cluster_id"].to_list())
    plain = [
        number
        for number, own in held.items()
        if lots.seeds[number].kind == "address" and not any(clusters[address] in claimed for address in own)
    ]
    _extend_plain(ledger, lots, {number: held[number] for number in plain}, clusters)
    for number in sorted(set(held) - set(plain)):
        _extend_claimed(ledger, services, lots, lots.seeds[number], held[number])
    if bound := sum(merge(spans) != [FOREVER] for own in held.values() for spans in own.values()):
        lots.notes.append(f"{bound} addresses are in the set only at the times for which they are claimed")


def _extend_plain(
    ledger: Ledger, lots: Lots, held: dict[int, dict[int, list[Span]]], clusters: Mapping[int, int]
) -> None:
    """Addresses of whose clusters no claim speaks: each stands for its cluster; thousands are looked up at once."""
    import polars as pl

    own = {number: next(iter(addresses)) for number, addresses in held.items()}
    wanted = pl.DataFrame(
        {"cluster_id": sorted({clusters[address] for address in own.values()})},
        schema={"cluster_id": pl.Int32},
    )
    with ledger.db.table("wanted", wanted):
        rows = ledger.db.rows(_SQL["cluster_members"])
    members: dict[int, list[int]] = {}
    for cluster, address in rows:
        members.setdefault(cluster, []).append(address)
    grown = []
    for number, address in own.items():
        times = held[number][address]
        taken = members.get(clusters[address], [])
        for joined in taken:
            held[number].setdefault(joined, times)
        if len(taken) > 1:
            grown.append((lots.seeds[number], len(taken)))
    if len(grown) > _MOST_NOTES:
        lots.notes.append(
            f"co-spend clusters of {len(grown)} seeds were taken as the entities of their addresses"
        )
    else:
        lots.notes += [_taken(seed, count) for seed, count in grown]


_MOST_NOTES = 20


def _taken(seed: Seed, count: int) -> str:
    return f"{seed.text}: co-spend clusters were taken as the entity, {count} addresses"


def _extend_claimed(
    ledger: Ledger, services: Services, lots: Lots, seed: Seed, held: dict[int, list[Span]]
) -> None:
    """One seed of whose clusters claims speak."""
    import polars as pl

    own = sorted(held)
    by_address = seed.kind in ("address", "cluster")
    actor = _actor(ledger, services, own) if by_address else ""
    if actor:
        rows = [
            (row, address)
            for row, address in services.tagged.select(pl.col("actor") == actor)
            if tells_holder(row)
        ]
        lots.considered.update(row["claim_id"] for row, _ in rows)
        for address, times in held_times(rows).items():
            held.setdefault(address, common(times, seed.times))
        own = sorted(held)
        lots.notes.append(f"{seed.text} is claimed by {actor}: all that {actor} is claimed to hold was taken")
    clusters = _clusters(ledger, own)
    met = among("cluster_id", clusters.values())
    lots.considered.update(services.tagged.frame.filter(met)["claim_id"])
    parties = {actor.casefold()} if actor else _parties(services, seed, own)
    standings = services.parties(clusters.values())
    alone = [a for a in own if not _others(standings.get(clusters[a], {}), parties)]
    if seed.kind != "cluster" and len(alone) < len(own):
        lots.notes.append(
            f"{seed.text}: {len(own) - len(alone)} addresses stand in clusters that another party claims "
            "too; only the addresses themselves were taken"
        )
    taken = cluster_members(ledger, alone)
    if by_address and len(taken) > len(alone):
        lots.notes.append(_taken(seed, len(taken)))
    _join_clusters(ledger, held, alone, [a for a in taken if a not in held])


def tells_holder(row: Row) -> bool:
    """Whether a tag says who holds an address: not where it was mentioned, nor where it protects somebody."""
    return row["tag_type"] != "mention" and not ranking.protection_of(row)


def held_times(rows: Iterable[tuple[Row, int]]) -> dict[int, list[Span]]:
    """Address id -> when the claims on it hold, in order of the ids."""
    claims: dict[int, list[Row]] = {}
    for row, address in rows:
        claims.setdefault(address, []).append(row)
    return {address: union(said) for address, said in sorted(claims.items())}


def _join_clusters(
    ledger: Ledger, held: dict[int, list[Span]], own: Sequence[int], joined: Sequence[int]
) -> None:
    """Addresses that come in by their cluster are in it when an address that brought them is."""
    if not joined:
        return
    clusters = _clusters(ledger, [*own, *joined])
    times: dict[int, list[Span]] = {}
    for address in own:
        times.setdefault(clusters[address], []).extend(held[address])
    for address in joined:
        held[address] = merge(times.get(clusters[address], [FOREVER]))


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
    return sorted({*addresses, *(address for _, address in members)})


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
            inside = ledger.db.polars(_SQL["inside_inputs"], {"arrived": False})
            sides = ledger.db.polars(_SQL["sides"])
    value, inwards = pl.col("value").cast(pl.Int128), pl.col("inside")
    put_in = (pl.col("followed") + pl.col("held")).fill_null(0)
    per_tx = (
        sides.group_by("tx_id", maintain_order=True)
        .agg(value.filter(inwards).sum().alias("back"), value.filter(~inwards).sum().alias("out"))
        .join(units(inside, "followed", "held"), on="tx_id", how="left", maintain_order="left")
        .with_columns(pl.min_horizontal("out", (put_in - pl.col("back")).clip(lower_bound=0)).alias("net"))
        .join(spending, on="tx_id", how="left", maintain_order="left")
    )
    mixes = per_tx.filter(pl.col("mix"))
    net = in_kernel_units(per_tx.filter((pl.col("net") > 0) & ~pl.col("mix")).sort("tx_id"), "net")
    flagged = (
        sides.filter(~pl.col("inside"))
        .join(net, on="tx_id", how="semi", maintain_order="left")
        .join(spending, on="tx_id", how="left", maintain_order="left")
        .select("tx_id", "vout", "value", "seed")
    )
    return net, flagged, _mixed(ledger, mixes)


def units(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Sums as DuckDB hands them over (decimal) as 128-bit integers, which Polars adds without wrapping."""
    import polars as pl

    return frame.with_columns(pl.col(*columns).cast(pl.Int128))


def in_kernel_units(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """(tx_id, `column`) in 64 bits, as kernels read it; `StoreDamaged` where one transaction moves more."""
    import polars as pl

    most = frame[column].max()
    if isinstance(most, int) and most > MOST:
        raise StoreDamaged(
            f"one transaction moves {most} base units into or out of the seed set, more than 2^63-1.",
            hint="No chain holds so much: read the blocks again from a source you trust.",
        )
    return frame.select("tx_id", pl.col(column).cast(pl.Int64))


def _mixed(ledger: Ledger, mixes: pl.DataFrame) -> str | None:
    if not mixes.height:
        return None
    chain = ledger.chain
    entered = decimal_text(sum(mixes["net"].to_list()), chain.decimals)
    return (
        f"{mixes.height} mixing transactions of the entity were left out: {entered} {chain.asset} net entered "
        "them, and which of their outputs are the entity's own cannot be told"
    )
