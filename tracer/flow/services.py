"""Where a trace must stop: claims, resolved to addresses and clusters of the ledger.

A *holding* is what one entity is claimed to hold: an address, or a whole conservative cluster. A claim
speaks of the cluster where it says so (`is_cluster_definer`) or where its author controls the key; else of
the address alone. Where two named actors claim one cluster, neither claim is extended and a note says so:
a wrong endpoint sends a legal request to the wrong house.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tracer.chain import AddressKey
from tracer.db import named_sql
from tracer.flow.fates import Fate
from tracer.intel import taxonomy
from tracer.intel.snapshot import Snapshot
from tracer.ledger.prefix import address_prefix
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow", "services.sql")

CLUSTER_CONFIDENCES = ("override", "ownership")
"""TagPack confidences whose author speaks of whoever holds the key, hence of the cluster."""

_FATES: Mapping[str, Fate | None] = {
    "endpoint": Fate.SERVICE,
    "pool": Fate.CUSTODIAL_POOL,
    "mixer": Fate.MIXER,
    "bridge": Fate.BRIDGE,
    "follow": None,
}
_FIRST = (Fate.SERVICE, Fate.MIXER, Fate.BRIDGE, Fate.CUSTODIAL_POOL)


@dataclass(frozen=True)
class Entity:
    """A named actor, as the claims have it. `vasp_id` is None where no VASP row names it."""

    name: str
    vasp_id: str | None
    category: str


@dataclass(frozen=True)
class Holding:
    """One place a trace stops at, and who says so.

    whole_cluster  the claim covers the co-spend cluster of the tagged address
    role           the role the claim gives this very address; "" otherwise
    claims         tag rows that say so, as dictionaries of the snapshot's columns
    """

    entity: Entity
    fate: Fate
    whole_cluster: bool
    role: str
    claims: tuple[Mapping[str, Any], ...]


@dataclass
class Services:
    """The static stops of one question.

    holdings  numbered; outputs of the closure carry these numbers
    tagged    claims seen in the ledger: claim row number, address_id, cluster_id (for seeds by tag)
    notes     what could not be decided, for `coverage.notes`
    """

    holdings: list[Holding] = field(default_factory=list)
    tagged: list[tuple[Mapping[str, Any], int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def load(ledger: Ledger, snapshot: Snapshot) -> Services:
    """Resolve the snapshot's tags on this ledger's chain and leave the stops in TEMP tables.

    `claimed_address(address_id, holding)` and `claimed_cluster(cluster_id, holding)` are there afterwards,
    with at most one row per key, for the closure to join.
    """
    services = Services()
    vasps = set(snapshot.vasps()["vasp_id"].to_list())
    services.tagged = _resolve(ledger, snapshot.tags(ledger.chain.name))
    stops = [(row, a, c, fate) for row, a, c in services.tagged if (fate := fate_of(row, vasps)) is not None]

    by_address: dict[int, list[tuple[Mapping[str, Any], Fate]]] = {}
    by_cluster: dict[int, list[tuple[Mapping[str, Any], Fate]]] = {}
    for row, address, cluster, fate in stops:
        by_address.setdefault(address, []).append((row, fate))
        if row["is_cluster_definer"] or row["confidence"] in CLUSTER_CONFIDENCES:
            by_cluster.setdefault(cluster, []).append((row, fate))
    addresses = [
        (address, _hold(services, claims, vasps, whole_cluster=False))
        for address, claims in by_address.items()
    ]
    clusters = []
    for cluster, claims in by_cluster.items():
        actors = sorted({row["actor"] for row, _ in claims if row["actor"]})
        if len(actors) > 1:
            first = sorted({row["address"] for row, _ in claims})[0]
            services.notes.append(
                f"the cluster of {first} is claimed by {' and '.join(actors)}; neither claim was extended "
                "beyond the tagged addresses"
            )
            continue
        clusters.append((cluster, _hold(services, claims, vasps, whole_cluster=True)))
    contested = [
        (row["address"], sorted({r["actor"] for r, _ in claims if r["actor"]}))
        for claims in by_address.values()
        for row in [claims[0][0]]
    ]
    services.notes += [
        f"address {address} is claimed by {' and '.join(actors)}; the claim of highest confidence was used"
        for address, actors in contested
        if len(actors) > 1
    ]
    services.notes.sort()
    _store(ledger, addresses, clusters)
    return services


def fate_of(row: Mapping[str, Any], vasps: set[str]) -> Fate | None:
    """What a trace does at a tagged address; None where the money is its holder's own and goes on.

    Per-order escrow is no pool whoever runs it: money goes through it one to one (DESIGN section 5).
    """
    concept = taxonomy.load().get(row["category"])
    behaviour = str(concept.behaviour) if concept else "follow"
    if row["role"] == "escrow":
        return None
    if behaviour in ("mixer", "bridge"):
        return _FATES[behaviour]
    return Fate.SERVICE if row["actor"] in vasps else _FATES[behaviour]


def _resolve(ledger: Ledger, tags: pl.DataFrame) -> list[tuple[Mapping[str, Any], int, int]]:
    """(tag row, address_id, cluster_id) of every tag whose address the ledger has seen, in the tags' order."""
    if not tags.height:
        return []
    said = tags.select("kind", "payload", prefixes(tags).alias("prefix")).with_row_index("claim")
    with ledger.db.table("said", said):
        found = ledger.db.polars(_SQL["resolve_tags"])
    rows = tags[found["claim"].to_list()].to_dicts()
    return list(zip(rows, found["address_id"].to_list(), found["cluster_id"].to_list(), strict=True))


def prefixes(tags: pl.DataFrame) -> pl.Series:
    """`address_prefix` of each row of (kind, payload), column-wise; rows of short payloads one by one."""
    import polars as pl

    head = pl.col("payload").bin.head(8).bin.reinterpret(dtype=pl.Int64, endianness="little")
    whole = pl.when(pl.col("payload").bin.size() >= 8).then(head ^ (pl.col("kind").cast(pl.Int64) * 2**56))
    found = tags.select(whole.alias("prefix"))["prefix"]
    short = found.is_null().arg_true().to_list()
    if short:
        keys = [AddressKey(tags["kind"][i], tags["payload"][i]) for i in short]
        found = found.scatter(short, [address_prefix(key) for key in keys])
    return found


def _hold(
    services: Services,
    claims: Sequence[tuple[Mapping[str, Any], Fate]],
    vasps: set[str],
    *,
    whole_cluster: bool,
) -> int:
    """Register what these claims together say; the strongest names the entity."""
    scores = taxonomy.confidences()

    def strength(claim: tuple[Mapping[str, Any], Fate]) -> tuple[int, bool, int, str, str, str]:
        row, fate = claim
        score = scores[row["confidence"]].score if row["confidence"] in scores else 0
        return (-score, not row["actor"], _FIRST.index(fate), row["actor"], row["label"], row["source"])

    ranked = sorted(claims, key=strength)
    row, fate = ranked[0]
    actor = row["actor"]
    entity = Entity(actor or row["label"], actor if actor in vasps else None, row["category"])
    own = [r for r, _ in ranked if (r["actor"] or r["label"]) == entity.name]
    roles = [] if whole_cluster else [r["role"] for r in own if r["role"]]
    services.holdings.append(
        Holding(entity, fate, whole_cluster, roles[0] if roles else "", tuple(r for r, _ in ranked))
    )
    return len(services.holdings) - 1


def _store(ledger: Ledger, addresses: Sequence[tuple[int, int]], clusters: Sequence[tuple[int, int]]) -> None:
    ledger.db.script(_SQL["make_claimed"])
    for name, rows in (("address", addresses), ("cluster", clusters)):
        with ledger.db.table("held", _pairs(f"{name}_id", rows)):
            ledger.db.run(_SQL[f"fill_claimed_{name}"])


def _pairs(key: str, rows: Sequence[tuple[int, int]]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(rows, schema={key: pl.Int32, "holding": pl.Int32}, orient="row")
