"""Where a trace must stop: claims, resolved to addresses and clusters of the ledger.

A *holding* is what one entity is claimed to hold: an address, or a whole conservative cluster. A claim
speaks of the cluster where it says so (`is_cluster_definer`) or where its author controls the key; else of
the address alone. Claims that disagree are ranked by confidence (`tracer.flow.contest`), those on an address
together with those on its cluster. Where several are equally good for one cluster, a trace ends in it as in a
pool and nobody is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tracer.chain import AddressKey
from tracer.db import named_sql
from tracer.flow import contest
from tracer.flow.contest import Claim, Row
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


@dataclass(frozen=True)
class Entity:
    """An entity, as the claims have it.

    name     its actor, else its label; "" where claims of equal confidence disagree
    vasp_id  None where no VASP row names it
    actor    "" where the claims name none
    """

    name: str
    vasp_id: str | None
    category: str
    actor: str = ""


NOBODY = Entity("", None, "")
"""The holder of what several claim alike."""


@dataclass(frozen=True)
class Holding:
    """One place a trace stops at, and who says so.

    whole_cluster  the claim covers the co-spend cluster of the tagged address
    role           the role the claim gives this very address; "" otherwise
    claims         tag rows that say so, as dictionaries of the snapshot's columns, best first
    notes          disputes about it, for `coverage.notes` of a trace that meets it
    """

    entity: Entity
    fate: Fate
    whole_cluster: bool
    role: str
    claims: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass
class Services:
    """The static stops of one question.

    holdings    numbered; outputs of the closure carry these numbers
    tagged      claims seen in the ledger: claim row, address_id, cluster_id (for seeds by tag)
    stopping    ids of the claims a trace stops at
    parties     cluster_id -> party -> best confidence, of all claims a trace stops at in that cluster
    by_address, by_cluster   address_id / cluster_id -> number of the holding
    """

    holdings: list[Holding] = field(default_factory=list)
    tagged: list[tuple[Row, int, int]] = field(default_factory=list)
    stopping: set[str] = field(default_factory=set)
    parties: dict[int, dict[str, int]] = field(default_factory=dict)
    by_address: dict[int, int] = field(default_factory=dict)
    by_cluster: dict[int, int] = field(default_factory=dict)

    def add(self, holding: Holding) -> int:
        """Register a holding; -> its number."""
        self.holdings.append(holding)
        return len(self.holdings) - 1


def load(ledger: Ledger, snapshot: Snapshot) -> Services:
    """Resolve the snapshot's tags on this ledger's chain and leave the stops in TEMP tables.

    `claimed_address(address_id, holding)` and `claimed_cluster(cluster_id, holding)` are there afterwards,
    with at most one row per key, for the closure to join. An address that is tagged has a row of its own,
    which says who won.
    """
    services = Services()
    vasps = set(snapshot.vasps()["vasp_id"].to_list())
    services.tagged = _resolve(ledger, snapshot.tags(ledger.chain.name))
    on_address: dict[int, list[Claim]] = {}
    on_cluster: dict[int, list[Claim]] = {}
    inside: dict[int, list[Row]] = {}
    cluster_of: dict[int, int] = {}
    for row, address, cluster in services.tagged:
        fate = fate_of(row, vasps)
        if fate is None:
            continue
        services.stopping.add(row["claim_id"])
        on_address.setdefault(address, []).append((row, fate))
        inside.setdefault(cluster, []).append(row)
        cluster_of[address] = cluster
        if row["is_cluster_definer"] or row["confidence"] in CLUSTER_CONFIDENCES:
            on_cluster.setdefault(cluster, []).append((row, fate))
    services.parties = {cluster: contest.standings(rows) for cluster, rows in inside.items()}
    for cluster, claims in on_cluster.items():
        services.by_cluster[cluster] = services.add(_cluster_holding(claims, vasps))
    for address, claims in on_address.items():
        rivals = on_cluster.get(cluster_of[address], [])
        above = services.holdings[services.by_cluster[cluster_of[address]]] if rivals else None
        services.by_address[address] = services.add(_address_holding(claims, vasps, rivals, above))
    _store(ledger, services)
    return services


def fate_of(row: Row, vasps: set[str]) -> Fate | None:
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


def _resolve(ledger: Ledger, tags: pl.DataFrame) -> list[tuple[Row, int, int]]:
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


def _holding(claims: Sequence[Claim], vasps: set[str], *, whole_cluster: bool) -> Holding:
    """What these claims together say; the strongest names the entity."""
    ranked = contest.ranked(claims)
    row, fate = ranked[0]
    actor = row["actor"]
    entity = Entity(contest.named(row), actor if actor in vasps else None, row["category"], actor)
    own = tuple(r for r, _ in ranked if contest.party(r) == contest.party(row))
    roles = [] if whole_cluster else [r["role"] for r in own if r["role"]]
    return Holding(entity, fate, whole_cluster, roles[0] if roles else "", own)


def _cluster_holding(claims: Sequence[Claim], vasps: set[str]) -> Holding:
    """Who holds a cluster: the best claim; nobody, where the best disagree."""
    rows = [row for row, _ in claims]
    first, best = min(row["address"] for row in rows), contest.leaders(rows)
    if len(best) > 1:
        note = (
            f"the cluster of {first} is claimed by {contest.listed(rows)}, and none is the better claim: "
            "the trace ends there, and nobody is named beyond the tagged addresses"
        )
        return Holding(NOBODY, Fate.CUSTODIAL_POOL, True, "", (), (note,))
    holding = _holding(claims, vasps, whole_cluster=True)
    weaker = [row for row in rows if contest.party(row) not in best]
    if not weaker:
        return holding
    note = (
        f"the cluster of {first} is claimed by {holding.entity.name}, and with lower confidence by "
        f"{contest.listed(weaker)}: it was taken as {holding.entity.name}'s"
    )
    return replace(holding, notes=(note,))


def _address_holding(
    claims: Sequence[Claim], vasps: set[str], rivals: Sequence[Claim], above: Holding | None
) -> Holding:
    """Who holds a tagged address: the best of the claims on it (`claims`) and on its cluster (`rivals`).

    `above` is what the rivals made of the cluster. Between equals the claim on the address itself wins.
    """
    own = _holding(claims, vasps, whole_cluster=False)
    rows = [row for row, _ in claims]
    address, notes = rows[0]["address"], []
    if len(contest.standings(rows)) > 1:
        notes.append(
            f"address {address} is claimed by {contest.listed(rows)}; the claim of highest confidence was used"
        )
    if above is None:
        return replace(own, notes=tuple(notes))
    over = [row for row, _ in rivals]
    strength, against = contest.score(own.claims[0]), max(contest.standings(over).values())
    same = above.entity.name.casefold() == own.entity.name.casefold()
    wins = strength >= against or (same and above.fate is own.fate)
    if not same:
        notes.append(
            f"address {address} is claimed by {contest.listed(rows)}, its cluster by {contest.listed(over)}; "
            + ("the claim on the address was used" if wins else "the better claim, on the cluster, was used")
        )
    winner = own if wins else above
    return replace(winner, notes=(*notes, *(above.notes if winner is above else ())))


def _store(ledger: Ledger, services: Services) -> None:
    ledger.db.script(_SQL["make_claimed"])
    for name, numbers in (("address", services.by_address), ("cluster", services.by_cluster)):
        with ledger.db.table("held", _pairs(f"{name}_id", list(numbers.items()))):
            ledger.db.run(_SQL[f"fill_claimed_{name}"])


def _pairs(key: str, rows: Sequence[tuple[int, int]]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(rows, schema={key: pl.Int32, "holding": pl.Int32}, orient="row")
