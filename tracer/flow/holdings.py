"""Who holds an address or a cluster, as the claims on it have it: one holding, built from a few rows.

Claims that disagree are ranked by confidence (`tracer.flow.contest`), those on an address together with those on
its cluster. Where several are equally good for one cluster, a trace ends in it as in a pool and nobody is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from tracer.flow import contest
from tracer.flow.contest import Claim
from tracer.flow.fates import Fate
from tracer.intel import ranking
from tracer.intel.ranking import Row


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


def cluster_holding(claims: Sequence[Claim], vasps: AbstractSet[str]) -> Holding:
    """Who holds a cluster: the best of the claims on it all; nobody, where the best disagree."""
    return _weighed(_best_of_cluster(claims, vasps), claims)


def address_holding(
    claims: Sequence[Claim],
    rivals: Sequence[Claim],
    above: Holding | None,
    persons: Sequence[Row],
    vasps: AbstractSet[str],
) -> Holding:
    """Who holds a tagged address: the best of the claims on it (`claims`) and on its cluster (`rivals`).

    `above` is what the rivals made of the cluster, `persons` what else is said of the address that would end
    no trace. Between equals the claim on the address itself wins.
    """
    best = _best_of_address(claims, rivals, above, vasps)
    return _beside(_weighed(best, (*claims, *rivals)), claims, persons)


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


def _holding(claims: Sequence[Claim], vasps: AbstractSet[str], *, whole_cluster: bool) -> Holding:
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


def _best_of_cluster(claims: Sequence[Claim], vasps: AbstractSet[str]) -> Holding:
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


def _best_of_address(
    claims: Sequence[Claim], rivals: Sequence[Claim], above: Holding | None, vasps: AbstractSet[str]
) -> Holding:
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
