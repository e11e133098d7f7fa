"""Where a trace must stop: claims, resolved to addresses and clusters of the ledger.

A *holding* is what one entity is claimed to hold: an address, or a whole conservative cluster. A claim
speaks of the cluster where it says so (`is_cluster_definer`) or where its author controls the key; else of
the address alone. Claims that disagree are ranked by confidence (`tracer.flow.contest`), those on an address
together with those on its cluster. Where several are equally good for one cluster, a trace ends in it as in a
pool and nobody is named. A claim counts for the payments of the days between which it held, and for no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tracer.chain import AddressKey
from tracer.db import named_sql
from tracer.flow import contest
from tracer.flow.contest import Claim
from tracer.flow.fates import Fate
from tracer.flow.spans import Span, cut, valid
from tracer.intel import ranking, taxonomy
from tracer.intel.names import Names
from tracer.intel.ranking import Row, behaviour_of, protection_of
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
    nested_in  the service in whose custody its account lies, "" where none is claimed
    """

    name: str
    vasp_id: str | None
    category: str
    actor: str = ""
    nested_in: str = ""


NOBODY = Entity("", None, "")
"""The holder of what several claim alike."""


@dataclass(frozen=True)
class Holding:
    """One place a trace stops at, and who says so.

    whole_cluster  the claim covers the co-spend cluster of the tagged address
    role           the role the claim gives this very address; "" otherwise
    claims         tag rows that say so, as dictionaries of the snapshot's columns, best first
    considered     ids of all claims that had a say, those that lost too
    notes          disputes about it, for `coverage.notes` of a trace that meets it
    """

    entity: Entity
    fate: Fate
    whole_cluster: bool
    role: str
    claims: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    considered: frozenset[str] = frozenset()


Timed = tuple[Span, int]
"""From and until when (unix seconds) an address or cluster is the holding of that number."""


@dataclass
class Services:
    """The static stops of one question.

    holdings    numbered; outputs of the closure carry these numbers
    tagged      claims seen in the ledger: claim row, address_id, cluster_id (for seeds by tag)
    stopping    ids of the claims a trace stops at
    parties     cluster_id -> party -> best confidence, of all claims a trace stops at in that cluster
    by_address, by_cluster   address_id / cluster_id -> numbers of the holding, each with the time it held
    protected   address_id -> claims that mark a victim or an authorised purchase
    """

    holdings: list[Holding] = field(default_factory=list)
    tagged: list[tuple[Row, int, int]] = field(default_factory=list)
    stopping: set[str] = field(default_factory=set)
    parties: dict[int, dict[str, int]] = field(default_factory=dict)
    by_address: dict[int, list[Timed]] = field(default_factory=dict)
    by_cluster: dict[int, list[Timed]] = field(default_factory=dict)
    protected: dict[int, list[Row]] = field(default_factory=dict)

    def add(self, holding: Holding) -> int:
        """Register a holding; -> its number."""
        self.holdings.append(holding)
        return len(self.holdings) - 1


def load(ledger: Ledger, snapshot: Snapshot) -> Services:
    """Resolve the snapshot's tags on this ledger's chain and leave the stops in TEMP tables.

    `claimed_address(address_id, since, until, holding)` and `claimed_cluster(cluster_id, ...)` are there
    afterwards, with at most one row per key and moment, for the closure to join. An address that is tagged
    has a row of its own, which says who won.
    """
    services = Services()
    vasps = set(snapshot.vasps()["vasp_id"].to_list())
    services.tagged = _resolve(ledger, snapshot.tags(ledger.chain.name), snapshot.names)
    on_address: dict[int, list[Claim]] = {}
    on_cluster: dict[int, list[Claim]] = {}
    inside: dict[int, list[Row]] = {}
    persons: dict[int, list[Row]] = {}
    cluster_of: dict[int, int] = {}
    for row, address, cluster in services.tagged:
        if protection_of(row):
            services.protected.setdefault(address, []).append(row)
        fate = fate_of(row, vasps)
        if fate is None:
            persons.setdefault(address, []).append(row)
            continue
        services.stopping.add(row["claim_id"])
        on_address.setdefault(address, []).append((row, fate))
        inside.setdefault(cluster, []).append(row)
        cluster_of[address] = cluster
        if row["is_cluster_definer"] or row["confidence"] in CLUSTER_CONFIDENCES:
            on_cluster.setdefault(cluster, []).append((row, fate))
    services.parties = {cluster: contest.standings(rows) for cluster, rows in inside.items()}
    for cluster, claims in on_cluster.items():
        services.by_cluster[cluster] = [
            (span, services.add(_weighed(_cluster_holding(held, vasps), held)))
            for span in cut(row for row, _ in claims)
            if (held := [claim for claim in claims if valid(claim[0], span)])
        ]
    for address, claims in on_address.items():
        rivals = on_cluster.get(cluster_of[address], [])
        services.by_address[address] = [
            (span, services.add(_beside(_weighed(holding, (*held, *over)), held, persons.get(address, ()))))
            for span in cut(row for row, _ in (*claims, *rivals))
            if (held := [claim for claim in claims if valid(claim[0], span)])
            for over in [[claim for claim in rivals if valid(claim[0], span)]]
            for above in [_above(services, cluster_of[address], span)]
            for holding in [_address_holding(held, vasps, over, above)]
        ]
    _store(ledger, services)
    return services


def _weighed(holding: Holding, claims: Sequence[Claim]) -> Holding:
    return replace(holding, considered=frozenset(row["claim_id"] for row, _ in claims))


def _beside(holding: Holding, claims: Sequence[Claim], persons: Sequence[Row]) -> Holding:
    """Say so where a better claim has the address held by somebody whose money would be followed."""
    strongest = max(ranking.score(row) for row, _ in claims)
    better = [row for row in persons if ranking.score(row) > strongest and row["tag_type"] != "mention"]
    if not better:
        return holding
    note = (
        f"address {better[0]['address']} is claimed by {contest.listed([row for row, _ in claims])}, and with higher "
        f"confidence by {contest.listed(better)}, which would not end a trace: it was ended there all the same"
    )
    considered = holding.considered | {row["claim_id"] for row in better}
    return replace(holding, notes=(*holding.notes, note), considered=considered)


def _above(services: Services, cluster: int, span: Span) -> Holding | None:
    """Who holds the cluster in that time; the spans of an address never cross those of its cluster."""
    for (since, until), number in services.by_cluster.get(cluster, ()):
        if since <= span[0] and span[1] <= until:
            return services.holdings[number]
    return None


def fate_of(row: Row, vasps: set[str]) -> Fate | None:
    """What a trace does at a tagged address; None where the money is its holder's own and goes on.

    Per-order escrow is no pool whoever runs it: money goes through it one to one (DESIGN section 5). Where an
    address was merely mentioned says nothing of who holds it. A registered service can be asked, whatever else
    it is said to do, unless what it is first said to be cuts the trail. A protected person's money is their own;
    a service's address stays the service's, also where a purchase was authorised there.
    """
    if row["role"] == "escrow" or row["tag_type"] == "mention":
        return None
    behaviour, first = behaviour_of(row), taxonomy.load().get(row["category"])
    known = row["actor"] in vasps or row["nested_in"] in vasps
    if protection_of(row) and behaviour == "follow":
        return None
    if known and (first is None or first.behaviour not in ("mixer", "bridge")):
        return Fate.SERVICE
    return _FATES[behaviour]


def _resolve(ledger: Ledger, tags: pl.DataFrame, names: Names) -> list[tuple[Row, int, int]]:
    """(tag row, address_id, cluster_id) of every tag whose address the ledger has seen, in the tags' order.

    An actor under another name of its own, or a service's label that is the name of exactly one actor, is that
    actor.
    """
    if not tags.height:
        return []
    said = tags.select("kind", "payload", prefixes(tags).alias("prefix")).with_row_index("claim")
    with ledger.db.table("said", said):
        found = ledger.db.polars(_SQL["resolve_tags"])
    rows: list[Row] = [names.identified(row) for row in tags[found["claim"].to_list()].to_dicts()]
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
    entity = Entity(
        ranking.named(row),
        actor if actor in vasps else None,
        ranking.category_of(row),
        actor,
        row["nested_in"],
    )
    own = tuple(r for r, _ in ranked if ranking.party(r) == ranking.party(row))
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
    weaker = [row for row in rows if ranking.party(row) not in best]
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
    rows = [row for row, _ in claims]
    address, notes = rows[0]["address"], []
    tied = len({ranking.party(row) for row in ranking.leaders(rows)}) > 1
    own = (
        Holding(NOBODY, Fate.CUSTODIAL_POOL, False, "", ())
        if tied
        else _holding(claims, vasps, whole_cluster=False)
    )
    if tied:
        notes.append(
            f"address {address} is claimed by {contest.listed(rows)}, as surely and as recently: the trace ends "
            "there, and nobody is named"
        )
    elif len(contest.standings(rows)) > 1:
        notes.append(
            f"address {address} is claimed by {contest.listed(rows)}; {own.entity.name} was used by the rule: "
            f"{ranking.RULE}"
        )
    if above is None:
        return replace(own, notes=tuple(notes))
    over = [row for row, _ in rivals]
    strength, against = max(map(ranking.score, rows)), max(contest.standings(over).values())
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
    import polars as pl

    ledger.db.script(_SQL["make_claimed"])
    for name, held in (("address", services.by_address), ("cluster", services.by_cluster)):
        rows = [(key, *span, number) for key, timed in held.items() for span, number in timed]
        columns = {f"{name}_id": pl.Int32, "since": pl.Int64, "until": pl.Int64, "holding": pl.Int32}
        with ledger.db.table("held", pl.DataFrame(rows, schema=columns, orient="row")):
            ledger.db.run(_SQL[f"fill_claimed_{name}"])
